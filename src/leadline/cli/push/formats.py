"""Which format a file has, and its rows: CSV, JSON or NDJSON."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any, Final

from leadline.cli.push.csv_rows import CsvRows, sniffed
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.json_rows import DATA, decoded_prefix, json_rows, ndjson_rows, nodes_of
from leadline.cli.push.row import Row
from leadline.cli.push.source import Source

SAMPLE: Final = 1 << 16
"""Characters by which a file is recognised."""
PACKED: Final = ".gz"


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


EXTENSIONS: Final = {
    ".csv": Format.CSV, ".tsv": Format.CSV, ".txt": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON,
}  # fmt: skip
"""What a name says for certain; `.json` is both."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is to be read."""

    format: Format
    delimiter: str = ","
    nodes: Mapping[str, Any] = field(default_factory=dict)
    """What a Push Data document says beside its records."""
    is_document: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A file's rows, to be gone through once."""

    each: Iterator[Row]
    columns: tuple[str, ...]
    """The header of a CSV; none for JSON, where each row has its own."""
    position: Callable[[], int]


def format_of(word: str | None) -> Format | None:
    """The format that --format names; raises CannotPush."""
    if word is None:
        return None
    try:
        return Format(word.strip().lower())
    except ValueError:
        raise CannotPush(f"--format {word}: write one of {', '.join(Format)}") from None


def shape_of(source: Source, chosen: Format | None, delimiter: str | None) -> Shape:
    """By the option, else the name, else the content; raises CannotPush."""
    with source.open() as text:
        sample = text.stream.read(SAMPLE)
        start = sample.lstrip(" \t\r\n")
        if not start:
            raise CannotPush(f"{source.name} has nothing but blanks: nothing to push")
        found = chosen or _named(source.name) or _recognised(start)
        if delimiter is not None and len(delimiter) != 1:
            raise CannotPush(f"--delimiter {delimiter!r}: write one character, such as ';'")
        if found is Format.CSV:
            return Shape(found, delimiter or sniffed(sample, whole=len(sample) < SAMPLE))
        if found is Format.NDJSON and not isinstance(decoded_prefix(start.partition("\n")[0]), dict | None):
            raise CannotPush(f"{source.name} is not NDJSON: each line must be an object; see --format")
    if found is Format.JSON and start.startswith("{"):
        with source.open() as text:
            return Shape(found, nodes=nodes_of(text.stream, source.name), is_document=True)
    return Shape(found)


@contextmanager
def opened(source: Source, shape: Shape) -> Iterator[Rows]:
    """The rows of a file of that shape."""
    with source.open() as text:
        if shape.format is Format.CSV:
            rows = CsvRows(text.stream, shape.delimiter, source.name)
            yield Rows(iter(rows), rows.columns, lambda: text.position)
        else:
            read = json_rows if shape.format is Format.JSON else ndjson_rows
            yield Rows(read(text.stream, source.name), (), lambda: text.position)


def _named(name: str) -> Format | None:
    path = PurePath(name.lower())
    return EXTENSIONS.get(PurePath(path.stem).suffix if path.suffix == PACKED else path.suffix)


def _recognised(start: str) -> Format:
    if start.startswith("["):
        return Format.JSON
    if not start.startswith("{"):
        return Format.CSV
    first = decoded_prefix(start)
    if not isinstance(first, dict):
        return Format.JSON
    names = {name.strip().lower() for name in first}
    return Format.JSON if DATA in names and isinstance(first.get("data", []), list) else Format.NDJSON
