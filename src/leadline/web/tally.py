"""What only grows: pushes, records and attempts, counted by all processes together and read behind any of them.

Memory that they share, rather than a file of each: whoever ends and begins again counts on, and nothing is left behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Self

from leadline.domain.attempt import Outcome
from leadline.domain.upsert import Action
from leadline.web.shared_table import SharedTable

PUSHES: Final = "pushes"
_COUNTED: Final = (
    (PUSHES, ""),
    *(("records", action) for action in (*Action, "rejected")),
    *(("attempts", outcome) for outcome in Outcome if outcome.told is outcome),
)
_PLACES: Final = {counted: place for place, counted in enumerate(_COUNTED)}
_ROW: Final = b"tally"
_ALWAYS: Final = 1.0
"""When the one row was used last: it is never given up."""


class Tally:
    """Counts since Leadline was started."""

    WIDTH: Final = len(_COUNTED)

    def __init__(self, table: SharedTable) -> None:
        self._table = table

    @classmethod
    def create(cls) -> Self:
        return cls(SharedTable.create(1, cls.WIDTH))

    def pushed(self, pushes: Sequence[Mapping[str, int]]) -> None:
        """Count pushes, each with what became of its records."""
        with self._table.row(_ROW, _ALWAYS) as row:
            row[_PLACES[PUSHES, ""]] += len(pushes)
            for records in pushes:
                for action, count in records.items():
                    if count:
                        row[_PLACES["records", action]] += count

    def ended(self, outcome: Outcome) -> None:
        """Count an attempt."""
        with self._table.row(_ROW, _ALWAYS) as row:
            row[_PLACES["attempts", outcome]] += 1

    def __iter__(self) -> Iterator[tuple[str, str, float]]:
        """What is counted, by what, and how often."""
        with self._table.row(_ROW, _ALWAYS) as row:
            counts = list(row)
        return ((what, by, count) for (what, by), count in zip(_COUNTED, counts, strict=True))
