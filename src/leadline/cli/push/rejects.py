"""The rows that were refused, in a CSV with their reasons, to be mended there and pushed again."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from leadline.cli.push.batches import encoded
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.row import Fault, Row

REASONS: Final = ("rejected_row", "rejected_code", "rejected_field", "rejected_message")


class Rejects:
    """The file of refused rows; it is there only if there are any."""

    def __init__(self, file: Path, columns: Sequence[str], *, delimiter: str = ",", marked: bool = False) -> None:
        self.file = file
        self._columns = [*REASONS, *(column for column in columns if column not in REASONS)]
        self._delimiter = delimiter
        self._encoding = "utf-8-sig" if marked else "utf-8"

    def keep_until(self, last_row: int) -> None:
        """Drop what stands in it of rows after that one: all, if it is 0."""
        if not self.file.exists():
            return
        if last_row == 0:
            self.file.unlink()
            return
        self._rewrite(lambda row: row[REASONS[0]].isdecimal() and int(row[REASONS[0]]) <= last_row)

    def write(self, refused: Iterable[tuple[Row, Fault]]) -> None:
        """Add rows, with a column for each cell that no earlier row had."""
        rows = [
            {"rejected_row": str(row.number), "rejected_code": fault.code, "rejected_field": fault.field or "",
             "rejected_message": fault.message}
            | {column: cell_of(value) for column, value in row.cells.items() if column not in REASONS}
            for row, fault in refused
        ]  # fmt: skip
        if not rows:
            return
        try:
            self._widen(column for row in rows for column in row)
            is_new = not self.file.exists()
            with self.file.open("a", encoding=self._encoding if is_new else "utf-8", newline="") as written:
                writer = self._writer(written)
                if is_new:
                    writer.writeheader()
                writer.writerows(rows)
        except OSError as error:
            raise CannotPush(f"{self.file} cannot be written: {error.strerror}; give --rejected FILE") from None

    def _widen(self, columns: Iterable[str]) -> None:
        new = [column for column in dict.fromkeys(columns) if column not in self._columns]
        self._columns += new
        if new and self.file.exists():
            self._rewrite(lambda _: True)

    def _rewrite(self, is_kept: Callable[[Mapping[str, str]], bool]) -> None:
        unfinished = self.file.with_name(self.file.name + ".new")
        kept = 0
        with self.file.open(encoding="utf-8-sig", newline="") as read:
            reader = csv.DictReader(read, delimiter=self._delimiter)
            self._columns = list(dict.fromkeys([*(reader.fieldnames or ()), *self._columns]))
            with unfinished.open("w", encoding=self._encoding, newline="") as written:
                writer = self._writer(written)
                writer.writeheader()
                for row in filter(is_kept, reader):
                    writer.writerow(row)
                    kept += 1
        if kept:
            unfinished.replace(self.file)
        else:
            unfinished.unlink()
            self.file.unlink()

    def _writer(self, written: Any) -> "csv.DictWriter[str]":
        return csv.DictWriter(written, self._columns, restval="", delimiter=self._delimiter)


def cell_of(value: Any) -> str:
    """A value as a cell: text as it is, anything else as its JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return "" if value is None else encoded(value).decode()
