"""One row of a file as it was read, before anything is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

BEYOND: Final = "rejected_cells"
"""What stood beyond the last column."""
PUSH: Final = "rejected_push"
"""The push of the log that a record was refused in."""
REQUEST: Final = "rejected_request"
"""What that push said beside its records: an object, in a CSV its JSON."""
OWN: Final = (
    "rejected_row",
    "rejected_code",
    "rejected_field",
    "rejected_message",
    BEYOND,
    "rejected_at",
    PUSH,
    REQUEST,
)
"""Columns that we put beside refused records; they are passed over when the file is pushed again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row was refused, here or by Leadline: a stable code, the node, and a sentence with the remedy."""

    code: str
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row by its columns. `number` counts as a spreadsheet does: the header of a CSV is 1; JSON has none."""

    number: int
    cells: Mapping[str, Any]
    fault: Fault | None = None
    """What keeps it from being sent at all."""
