"""Do-not-call lists: numbers that are not to be called, by anybody of an organisation or by one of its processes."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class DoNotCallList(StrEnum):
    """Whose list a number stands on."""

    ORGANISATION = "organisation"
    """No process of the organisation calls it."""
    PROCESS = "process"
    """One process does not call it."""


class Origin(StrEnum):
    """Who put a number on a list. What the file says is changed in the file; the API takes off all else."""

    FILE = "file"
    API = "api"
    FLOW = "flow"


class Listing(Struct, frozen=True):
    """A number for the list of an organisation, or, with `process_id`, for that of a process."""

    number: str
    """In E.164."""
    process_id: int | None = None
    expires_at: datetime | None = None
    """When it may be called again; None: never."""
    reason: str | None = None
