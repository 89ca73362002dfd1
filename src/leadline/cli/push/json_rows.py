"""The records of a JSON array, of a Push Data document, or of NDJSON: one at a time, in the memory of one."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn, TextIO

from leadline.cli.push.errors import CannotPush
from leadline.cli.push.row import Fault, Row

DATA: Final = "data"
PART: Final = 1 << 16
"""Characters that are read together."""
LONGEST: Final = 16 << 20
"""Characters of one record, at most: beyond, something was never closed."""
BLANKS: Final = " \t\r\n"


def json_rows(stream: TextIO, name: str) -> Iterator[Row]:
    """The records of an array, or of a document's `data`; raises CannotPush with line and column."""
    for number, record in enumerate(_Json(stream, name).records(lambda _node, _value: None), start=1):
        yield _row(number, record)


def nodes_of(stream: TextIO, name: str) -> dict[str, Any]:
    """What a Push Data document says beside its records, by names in lower case; reads all of it."""
    nodes: dict[str, Any] = {}
    for _ in _Json(stream, name).records(nodes.__setitem__):
        pass
    return nodes


def ndjson_rows(stream: TextIO, name: str) -> Iterator[Row]:
    """A record a line; a line that cannot be read is a fault of its own and of no other."""
    number = 0
    while line := stream.readline(LONGEST):
        number += 1
        if len(line) == LONGEST and not line.endswith("\n"):
            raise CannotPush(f"{name}, line {number}: longer than {LONGEST} characters; is this NDJSON?")
        line = line.strip(BLANKS)
        if line:
            yield _line(number, line)


def decoded_prefix(text: str) -> Any:
    """The value that the text begins with; None if there is no whole one."""
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _line(number: int, line: str) -> Row:
    try:
        return _row(number, _DECODER.decode(line))
    except RecursionError:
        reason = "nested too deeply"
    except ValueError as error:
        reason = str(error)
    message = f"the line is not JSON: {reason}; mend it and push it again"
    return Row(number, {"line": line}, Fault("malformed_json", None, message))


def _row(number: int, record: Any) -> Row:
    if isinstance(record, dict):
        return Row(number, record)
    message = 'a record must be an object of nodes, {"name": "…"}'
    return Row(number, {"record": record}, Fault("not_an_object", None, message))


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"a number of {len(digits)} digits") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_int=_integer, parse_constant=_constant)


class _Json:
    """Reads one value after the other; holds the one it is at and a part of what comes."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, name
        self._buffer, self._at = "", 0
        self._line, self._column = 1, 0
        """Where the buffer begins."""

    def records(self, node: Callable[[str, Any], None]) -> Iterator[Any]:
        """The records; `node` is told what stands beside them."""
        if self._peek() == "[":
            yield from self._array()
        elif self._peek() == "{":
            yield from self._document(node)
        else:
            self._refuse("JSON of records begins with [ or {")
        if self._peek():
            self._refuse("nothing may follow the end of the records")

    def _array(self) -> Iterator[Any]:
        self._take("[")
        if self._peek() != "]":
            yield self._value()
            while self._take(",]") == ",":
                yield self._value()
        else:
            self._take("]")

    def _document(self, node: Callable[[str, Any], None]) -> Iterator[Any]:
        self._take("{")
        found = False
        while True:
            spelled = self._value()
            if not isinstance(spelled, str):
                self._refuse("the name of a node must be text")
            name = spelled.strip().lower()
            self._take(":")
            if name == DATA and self._peek() == "[":
                if found:
                    self._refuse("data is there twice: leave one out")
                found = True
                yield from self._array()
            else:
                node(name, self._value())
            if self._take(",}") == "}":
                break
        if not found:
            self._refuse("the document has no array `data`: push an array of records, or name --format ndjson")

    def _peek(self) -> str:
        """The next character that is no blank; nothing at the end."""
        while True:
            while self._at < len(self._buffer):
                if (character := self._buffer[self._at]) not in BLANKS:
                    return character
                self._at += 1
            if not self._fill(PART):
                return ""

    def _take(self, wanted: str) -> str:
        character = self._peek()
        if not character or character not in wanted:
            what = f"{character!r}" if character else "the end"
            self._refuse(f"{' or '.join(wanted)} must stand here, not {what}")
        self._at += 1
        return character

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError:
                self._refuse("nested too deeply")
            except ValueError as error:  # not all of it is there, or it is no JSON
                if len(self._buffer) - self._at > LONGEST or not self._fill(len(self._buffer) or PART):
                    self._refuse(getattr(error, "msg", str(error)), getattr(error, "pos", None))
                continue
            if end < len(self._buffer) or not self._fill(PART):  # a number may go on in the next part
                self._at = end
                return value

    def _fill(self, wanted: int) -> bool:
        """Read on, and let go of what has been read; False at the end."""
        more = self._stream.read(max(PART, wanted))
        if not more:
            return False
        self._line, self._column = self._place(self._at)
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return True

    def _refuse(self, what: str, at: int | None = None) -> NoReturn:
        line, column = self._place(self._at if at is None else at)
        raise CannotPush(f"{self._name}, line {line}, column {column + 1}: {what}")

    def _place(self, at: int) -> tuple[int, int]:
        """The line of a place in the buffer, from 1, and how many characters stand before it there."""
        lines, begin = self._buffer.count("\n", 0, at), self._buffer.rfind("\n", 0, at)
        return self._line + lines, at - begin - 1 if lines else self._column + at
