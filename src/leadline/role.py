"""The parts that one process may take of Leadline's work."""

from enum import StrEnum


class Role(StrEnum):
    """What this process does of Leadline's work."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"
