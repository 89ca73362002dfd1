"""Lenient JSON: exactly the faults of the vendor's printed samples are repaired, and nothing else is.

A comma between two members or elements, a comma behind the last one, the colon behind `data`, and curly quotes
around a text (`“…”`, `”…″`). Each can be read in one way only. Whatever could be read in two, or is another
fault, is refused with its place: a missing quote or brace, a curly text with a straight or an opening quote in
it, single quotes, two scalars of an array that touch, a name for the second time where a comma is missing (two
records that have run together). Numbers and texts are copied as they stand. One pass, each
character looked at a fixed number of times, nothing recursive.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from io import StringIO
from typing import Final, NamedTuple

DEEPEST: Final = 128
"""Objects and arrays that may stand in each other."""
LISTED: Final = 100
"""Repairs that are told one by one; of more only the number is told."""

_ESCAPE: Final = r"(?:[\\/bfnrt]|u[0-9a-fA-F]{4})"
_GAP: Final = r"[ \t\n\r]*+"
# Groups are repeated so often and no more, and never possessively: what a repeated group has matched is kept on a
# stack, and Python 3.11.2, Debian 12's, has a fault in possessive ones (CPython's issue 106052).
_INNER: Final = rf'(?:[^"\\\x00-\x1f]++|\\(?:"|{_ESCAPE})){{0,500}}'
_INNER_CURLED: Final = rf'(?:[^"“”″\\\x00-\x1f]++|\\(?:["“”″]|{_ESCAPE})){{0,500}}'
_SCALAR: Final = r"(?:true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)"
_ELEMENT: Final = rf'{_GAP}(?:"{_INNER}"|{_SCALAR}|\[{_GAP}\]|\{{{_GAP}\}})'
_MEMBER: Final = rf'{_GAP}"{_INNER}"{_GAP}:{_ELEMENT}'


def _sound(part: str) -> re.Pattern[str]:
    """Some parts without a fault, each with its comma, and perhaps one that has none."""
    return re.compile(rf"(?:{part}{_GAP},){{0,200}}(?P<last>{part}(?=[ \t\n\r,\]}}]))?")


_MEMBERS: Final = _sound(_MEMBER)
_ELEMENTS: Final = _sound(_ELEMENT)
_BLANKS: Final = re.compile(_GAP)
_STRAIGHT: Final = re.compile(_INNER)
_CURLED: Final = re.compile(_INNER_CURLED)
_WORD: Final = re.compile(r"""[^ \t\n\r{}\[\],:"“”″]++""")
_VALUE: Final = re.compile(_SCALAR)
_NAME: Final = re.compile(rf'{_GAP},?{_GAP}"({_INNER})"{_GAP}:{_ELEMENT}')
_MARKS: Final = "{}[],:"
_CURLS: Final = "“”″"
_CLOSER: Final = {"{": "}", "[": "]"}


class Unrepairable(Exception):
    """A text with a fault that is not repaired, where it is, and what would mend it."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True, slots=True)
class Repaired:
    """JSON, and what was repaired to make it so, each with line and column."""

    text: str
    warnings: tuple[str, ...]


class _Token(NamedTuple):
    """A mark, a text in straight or in curly quotes, or a word, and where it stands."""

    start: int
    end: int
    mark: str = ""
    is_text: bool = False
    is_curled: bool = False

    @property
    def begins_value(self) -> bool:
        return self.mark in ("{", "[", "")


@dataclass(slots=True)
class _Container:
    """An object or an array that is not closed yet, and the names that have been seen in it."""

    closer: str
    names: set[str] = field(default_factory=set)
    strides: list[tuple[int, int]] = field(default_factory=list)
    """Where further names stand, between sound members."""

    @property
    def is_object(self) -> bool:
        return self.closer == "}"

    def holds(self, name: str, text: str) -> bool:
        """Whether it has a member of this name already."""
        for start, end in self.strides:
            self.names.update(found[1] for found in _NAME.finditer(text, start, end))
        self.strides.clear()
        return name in self.names


class _Expect(Enum):
    VALUE = auto()
    FIRST = auto()
    """The first member or element, or the end of a container that has none."""
    FURTHER = auto()
    """What follows a comma."""
    COLON = auto()
    NEXT = auto()
    """What follows a value: a comma, or the end of the container."""


def repair(text: str) -> Repaired:
    """The text with its faults repaired; raises Unrepairable."""
    return _Reader(text).read()


class _Reader:
    """Goes through the text once: what is sound in long strides, the rest token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._expect = _Expect.VALUE
        self._open: list[_Container] = []
        self._comma = 0
        self._name = ""
        self._log = _Log(text)

    def read(self) -> Repaired:
        while self._open or self._expect is not _Expect.NEXT:
            while self._expect in (_Expect.FIRST, _Expect.FURTHER) and self._stride():
                pass
            self._take(self._token())
        end = self._skip_blanks()
        if end < len(self._text):
            raise self._log.fault(end, "the document is over, yet more follows: send one document")
        return self._log.repaired()

    def _stride(self) -> bool:
        """Pass over what is sound here; False if nothing is."""
        inmost = self._open[-1]
        sound = (_MEMBERS if inmost.is_object else _ELEMENTS).match(self._text, self._at)
        if sound is None or sound.end() == self._at:
            return False
        if inmost.is_object:
            inmost.strides.append(sound.span())
        self._at = sound.end()
        if sound["last"]:
            self._expect = _Expect.NEXT
        else:
            self._expect, self._comma = _Expect.FURTHER, self._at - 1
        return True

    # Tokens

    def _token(self) -> _Token:
        start = self._skip_blanks()
        character = self._text[start : start + 1]
        if not character:
            wanted = f"{self._open[-1].closer} is missing" if self._open else "its value is missing"
            raise self._log.fault(start, f"the document is not whole: {wanted}")
        if character in _MARKS:
            return _Token(start, start + 1, mark=character)
        if character == '"':
            return _Token(start, self._end_of_text(start, _STRAIGHT, '"'), is_text=True)
        if character in _CURLS:
            return _Token(start, self._end_of_text(start, _CURLED, "”″"), is_text=True, is_curled=True)
        return _Token(start, _end(_WORD.match(self._text, start), start))

    def _end_of_text(self, start: int, inner: re.Pattern[str], closing: str) -> int:
        """Behind the quote that closes the text; raises Unrepairable."""
        end = start + 1
        while (further := _end(inner.match(self._text, end), end)) > end:
            end = further
        stop = self._text[end : end + 1]
        if stop and stop in closing:
            return end + 1
        if stop == "\\":
            raise self._log.fault(end, "this is no escape of JSON: write \\\\ for a backslash")
        if stop and stop in '"“”″':
            raise self._log.fault(end, "it is not clear which quote ends this text: use straight ones alone")
        raise self._log.fault(start, "the quote that is opened here is not closed on its line: close it")

    def _skip_blanks(self) -> int:
        return _end(_BLANKS.match(self._text, self._at), self._at)

    # What each may be

    def _take(self, token: _Token) -> None:
        is_closer = bool(self._open) and token.mark == self._open[-1].closer
        match self._expect:
            case _Expect.COLON:
                self._take_colon(token)
            case _Expect.FIRST | _Expect.FURTHER | _Expect.NEXT if is_closer:
                self._close(token)
            case _Expect.NEXT:
                self._take_comma(token)
            case _Expect.FIRST | _Expect.FURTHER if self._open[-1].is_object:
                self._take_name(token)
            case _:
                self._take_value(token)

    def _take_colon(self, token: _Token) -> None:
        if token.mark == ":":
            self._at = token.end
        elif self._name.strip().lower() == "data" and token.begins_value:
            self._log.replace(self._at, self._at, ":", "the missing colon behind data was put in")
        else:
            raise self._log.fault(token.start, "a colon is missing behind the name of this node: put it in")
        self._expect = _Expect.VALUE

    def _take_comma(self, token: _Token) -> None:
        """A comma, or one put in before a token that can only begin the next member or element."""
        start, inmost = token.start, self._open[-1]
        if token.mark == ",":
            self._comma, self._at = start, token.end
        elif not (token.is_text if inmost.is_object else token.begins_value):
            wanted = "a comma, the name of a node or }" if inmost.is_object else "a comma, a value or ]"
            raise self._log.fault(start, f"{wanted} must stand here")
        elif not inmost.is_object and start == self._at and not token.mark and self._text[start - 1] not in "]}":
            raise self._log.fault(
                start, 'two values touch: put a comma between them, or write a quote in a text as \\"'
            )
        elif inmost.is_object and inmost.holds(name := self._text[start + 1 : token.end - 1], self._text):
            raise self._log.fault(
                start, f"{name[:40]} for the second time, without a comma: are two records run together?"
            )
        else:
            self._log.replace(self._at, self._at, ",", "a missing comma was put in")
        self._expect = _Expect.FURTHER

    def _take_name(self, token: _Token) -> None:
        if not token.is_text:
            raise self._log.fault(token.start, 'the name of a node must stand here, in quotes: "name"')
        self._take_text(token)
        self._name = self._text[token.start + 1 : token.end - 1]
        self._open[-1].names.add(self._name)
        self._expect = _Expect.COLON

    def _take_value(self, token: _Token) -> None:
        if token.mark in ("{", "["):
            if len(self._open) == DEEPEST:
                raise self._log.fault(token.start, f"nested deeper than {DEEPEST} levels: send it flatter")
            self._open.append(_Container(_CLOSER[token.mark]))
            self._at, self._expect = token.end, _Expect.FIRST
            return
        if token.mark:
            raise self._log.fault(token.start, "a value must stand here")
        if not token.is_text and not _VALUE.fullmatch(self._text, token.start, token.end):
            raise self._log.fault(token.start, _no_value(self._text[token.start]))
        self._take_text(token)
        self._expect = _Expect.NEXT

    def _take_text(self, token: _Token) -> None:
        self._at = token.end
        if token.is_curled:
            inner = _straightened(self._text[token.start + 1 : token.end - 1])
            self._log.replace(token.start, token.end, f'"{inner}"', "curly quotes were read as straight ones")

    def _close(self, token: _Token) -> None:
        if self._expect is _Expect.FURTHER:
            self._log.replace(self._comma, self._comma + 1, "", "the comma behind the last one was taken out")
        self._open.pop()
        self._at, self._expect = token.end, _Expect.NEXT


class _Log:
    """The text as it is repaired, and what is told of that; places are asked for in the order of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._written = StringIO()
        self._copied = 0
        self._warnings: list[str] = []
        self._unlisted = 0
        self._line, self._line_begins, self._counted = 1, 0, 0

    def replace(self, start: int, end: int, by: str, told: str) -> None:
        self._written.write(self._text[self._copied : start])
        self._written.write(by)
        self._copied = end
        if len(self._warnings) < LISTED:
            line, column = self._place(start)
            self._warnings.append(f"line {line}, column {column}: {told}")
        else:
            self._unlisted += 1

    def repaired(self) -> Repaired:
        self._written.write(self._text[self._copied :])
        more = (f"{self._unlisted} more repairs of these kinds",) if self._unlisted else ()
        return Repaired(self._written.getvalue(), (*self._warnings, *more))

    def fault(self, at: int, message: str) -> Unrepairable:
        return Unrepairable(message, *self._place(at))

    def _place(self, at: int) -> tuple[int, int]:
        """Line and column, counted on from the last place."""
        self._line += self._text.count("\n", self._counted, at)
        self._line_begins = max(self._line_begins, self._text.rfind("\n", self._counted, at) + 1)
        self._counted = at
        return self._line, at - self._line_begins + 1


def _end(found: re.Match[str] | None, otherwise: int) -> int:
    return otherwise if found is None else found.end()


def _straightened(inner: str) -> str:
    """The inner text with its escaped curly quotes straight, and escaped backslashes as they were."""
    held = inner.replace("\\\\", "\0")  # no text has a NUL of its own here
    for curl in _CURLS:
        held = held.replace("\\" + curl, '\\"')
    return held.replace("\0", "\\\\")


def _no_value(first: str) -> str:
    if first in "'‘’":
        return "single quotes are none of JSON: use double ones"
    return "a value must be a text in quotes, a number, true, false, null, an object or an array"
