"""A file as text, whatever it is packed and written in; read in parts, never held.

It is read through once before anything is pushed, so that a byte that cannot be read at its end is said at the start.
"""

import codecs
import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, TextIO, cast

from leadline.cli.push.errors import CannotPush

STDIN: Final = "-"
PART: Final = 1 << 20
"""Bytes that are looked at together."""
GZIP: Final = b"\x1f\x8b"
BOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of Excel and its kin begin."""
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; the longer ones of a kind stand first."""
WINDOWS: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class Text:
    """An opened file: its characters, and how far into its bytes the reading has come."""

    stream: TextIO
    raw: IO[bytes]

    @property
    def position(self) -> int:
        return self.raw.tell()


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read from end to end."""

    name: str
    file: Path
    size: int
    modified: datetime | None
    """None for what has no time of its own: standard input."""
    encoding: str
    guessed: bool
    """Whether the encoding is a guess, which is to be said."""

    @contextmanager
    def open(self) -> Iterator[Text]:
        """Its text from the beginning, without the mark, with its line ends as they are."""
        with self.file.open("rb", buffering=0) as raw, _unpacked(raw) as unpacked:
            stream = io.TextIOWrapper(unpacked, self.encoding, newline="")
            if stream.read(1) != "\ufeff":
                stream.seek(0)
            yield Text(stream, raw)


@contextmanager
def source_of(file: str, encoding: str | None) -> Iterator[Source]:
    """The file of that name, `-` being standard input; raises CannotPush for what cannot be read to its end.

    What can be read only once (a pipe) is kept in a temporary file meanwhile.
    """
    with ExitStack() as stack:
        try:
            path, modified = _kept(file, stack)
            source = _looked_at("standard input" if file == STDIN else file, path, modified, encoding)
        except FileNotFoundError:
            raise CannotPush(f"{file}: there is no such file") from None
        except OSError as error:
            raise CannotPush(f"{file} cannot be read: {error.strerror or error}") from None
        yield source


def _kept(file: str, stack: ExitStack) -> tuple[Path, datetime | None]:
    """Where the bytes can be read more than once, and since when they are so."""
    path = Path(file)
    if file != STDIN and path.is_dir():
        raise CannotPush(f"{file} is a directory: give a file")
    if file != STDIN and path.is_file():
        return path, datetime.fromtimestamp(path.stat().st_mtime, UTC)
    spool = stack.enter_context(tempfile.NamedTemporaryFile(prefix="leadline-push-"))  # noqa: SIM115
    with nullcontext(sys.stdin.buffer) if file == STDIN else path.open("rb") as pipe:
        shutil.copyfileobj(pipe, spool, PART)
    spool.flush()
    return Path(spool.name), None


def _looked_at(name: str, file: Path, modified: datetime | None, encoding: str | None) -> Source:
    try:
        with file.open("rb", buffering=0) as raw, _unpacked(raw) as unpacked:
            chosen, fault = _encoding(name, unpacked, encoding)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CannotPush(f"{name} cannot be unpacked: {error}; pack it again") from None
    if fault is not None:
        raise CannotPush(f"{name}, {fault}: name its encoding with --encoding")
    return Source(name, file, file.stat().st_size, modified, chosen, guessed=chosen == WINDOWS and encoding is None)


def _encoding(name: str, unpacked: IO[bytes], told: str | None) -> tuple[str, str | None]:
    """The encoding, and what is wrong with the text if it cannot be read in it."""
    head = unpacked.read(PART)
    if not head:
        raise CannotPush(f"{name} is empty: nothing to push")
    if head.startswith(BOOKS):
        raise CannotPush(f"{name} is a workbook: save it as CSV (UTF-8) and push that")
    chosen = told or _marked(head, name) or "utf-8"
    fault = _unreadable(chosen, unpacked)
    if fault is None or told is not None or chosen != "utf-8":
        return chosen, fault
    _refuse_broken_utf8(name, unpacked, fault)
    return WINDOWS, _unreadable(WINDOWS, unpacked)


@contextmanager
def _unpacked(raw: io.FileIO) -> Iterator[IO[bytes]]:
    """The bytes, out of gzip if they are in it."""
    packed = raw.read(len(GZIP)) == GZIP
    raw.seek(0)
    with gzip.GzipFile(fileobj=raw) if packed else io.BufferedReader(raw, PART) as unpacked:
        yield cast("IO[bytes]", unpacked)


def _marked(head: bytes, name: str) -> str | None:
    """The encoding that a byte order mark tells."""
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head[:1_000]:
        raise CannotPush(f"{name} has NUL bytes and no byte order mark: if it is UTF-16, push it --encoding utf-16-le")
    return None


def _unreadable(encoding: str, unpacked: IO[bytes]) -> str | None:
    """Where the text cannot be decoded; None if all of it can be."""
    try:
        b"".decode(encoding)
        decoder = codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise CannotPush(f"--encoding {encoding} is not known: write such as utf-8, utf-16, cp1252") from None
    unpacked.seek(0)
    line = 1
    while part := unpacked.read(PART):
        try:
            line += decoder.decode(part).count("\n")
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            return f"line {line}: the byte {error.object[error.start]:#04x} is not {encoding}"
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return f"line {line}: it ends in half a character of {encoding}"
    return None


def _refuse_broken_utf8(name: str, unpacked: IO[bytes], fault: str) -> None:
    """Text with more good UTF-8 than bad is damaged: read as Windows-1252, all of its names would be wrong."""
    unpacked.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    while part := unpacked.read(PART):
        text = decoder.decode(part)
        if not text.isascii():
            broken = text.count("\N{REPLACEMENT CHARACTER}")
            bad += broken
            good += sum(not character.isascii() for character in text) - broken
    if good > bad:
        raise CannotPush(f"{name} is UTF-8 but for {bad} places ({fault}): mend them, or name its --encoding")
