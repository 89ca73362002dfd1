"""The rows of a CSV: a header, then one record a row; quoted cells may hold delimiters and line ends."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Final, TextIO

from leadline.cli.push.errors import CannotPush
from leadline.cli.push.row import BEYOND, Fault, Row

DELIMITERS: Final = ",;\t|"
csv.field_size_limit(1 << 23)  # Python's own 128 KiB is less than a record may have; a quote never closed ends here
LOOKED_AT: Final = 100
"""Rows by which the delimiter is known."""


class CsvRows:
    """A CSV as it is read; the header is read at once. Raises CannotPush for what cannot be told apart for sure."""

    def __init__(self, stream: TextIO, delimiter: str, name: str) -> None:
        self._reader = csv.reader(stream, delimiter=delimiter, strict=True)
        self._name = name
        self._number = 0
        header = self._next()
        if header and header[0].lower().startswith("sep=") and not any(header[1:]):  # Excel's own line
            header = self._next()
        if header is None:
            raise CannotPush(f"{name} has no header: its first row must name the columns")
        self.columns = _columns(header, name)

    def __iter__(self) -> Iterator[Row]:
        while (cells := self._next()) is not None:
            if any(cell.strip() for cell in cells):
                yield self._row(cells)

    def _next(self) -> list[str] | None:
        try:
            cells = next(self._reader, None)
        except csv.Error as error:
            raise CannotPush(
                f"{self._name}, line {self._reader.line_num}, row {self._number + 1}: {error}; "
                "is a quote not closed, or not doubled inside a quoted cell? Mend it and run this again"
            ) from None
        self._number += 1
        return cells

    def _row(self, cells: list[str]) -> Row:
        known = dict(zip(self.columns, cells, strict=False))
        beyond = cells[len(self.columns) :]
        if not any(cell.strip() for cell in beyond):
            return Row(self._number, known)
        message = (
            f"the row has {len(cells)} cells and the header {len(self.columns)}: quote the cell that holds a delimiter"
        )
        return Row(self._number, known | {BEYOND: " | ".join(beyond)}, Fault("too_many_cells", None, message))


def sniffed(sample: str, *, whole: bool) -> str:
    """The delimiter by which the rows of a sample are most alike; a comma if there is none."""
    if (said := sample[:5].lower()).startswith("sep=") and len(said) == len("sep=;"):
        return said[-1]
    return max(DELIMITERS, key=lambda delimiter: _likeness(sample, delimiter, whole=whole))


def _likeness(sample: str, delimiter: str, *, whole: bool) -> tuple[float, int]:
    lengths = list(_lengths(sample, delimiter))
    if not whole and len(lengths) > 1:
        lengths.pop()  # its row is cut off
    if not lengths or lengths[0] == 1:
        return 0.0, 0
    columns = lengths[0]
    return Counter(lengths)[columns] / len(lengths), columns


def _lengths(sample: str, delimiter: str) -> Iterator[int]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    for _ in range(LOOKED_AT):
        try:
            cells = next(reader, None)
        except csv.Error:
            return
        if cells is None:
            return
        if cells:
            yield len(cells)


def _columns(header: list[str], name: str) -> tuple[str, ...]:
    columns = tuple(cell.strip() or f"column_{place}" for place, cell in enumerate(header, start=1))
    if twice := [column for column, times in Counter(columns).items() if times > 1]:
        raise CannotPush(f"{name} has the column {twice[0]!r} twice: rename one of them")
    return columns
