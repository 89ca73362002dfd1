"""The value of a node as it came in JSON: its text, and whether it can be kept at all.

PostgreSQL holds no NUL character and no text that is not Unicode; what cannot be kept is refused by name, never
changed and never half-kept.
"""

from math import isfinite
from typing import Any, Final

LONGEST_TEXT: Final = 4_000
"""Characters of a node that has a column of its own."""
LONGEST_INTEGER: Final = 14_000
"""Bits of an integer that Python still writes in digits: it stops at 4,300 of them."""
DEEPEST: Final = 64
"""Objects and arrays that may stand in each other in a node that is kept verbatim."""


class Refusal(Exception):
    """Why a record cannot be taken: a stable code, the node, and a sentence with the remedy."""

    def __init__(self, code: str, field: str | None, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.field, self.message, self.retryable = code, field, message, retryable


def is_blank(value: object) -> bool:
    """Whether a node says nothing: null, or text of blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def plain_text(value: object) -> str | None:
    """A text or a number as text, trimmed: `1`, `1.0` and `"1"` are one. None for anything else."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if _is_writable(value) else None


def text_of(node: str, value: object) -> str | None:
    """A node's text, None if it is blank; raises Refusal."""
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isascii() and "\0" not in value:
        return value.strip() or None  # as nearly every node is
    if is_blank(value):
        return None
    if (fault := unkeepable(value)) is not None:
        raise Refusal("invalid_field", node, f"{node} {fault}")
    text = plain_text(value)
    if text is None:
        raise Refusal("invalid_field", node, f"{node} must be text or a number")
    if len(text) > LONGEST_TEXT:
        raise Refusal("invalid_field", node, f"{node} has {len(text)} characters; {LONGEST_TEXT} is the most")
    return text


def unkeepable(value: Any, depth: int = DEEPEST) -> str | None:
    """What is wrong with a value that cannot be kept verbatim, with the remedy; None if it can be."""
    if isinstance(value, str):
        return None if value.isascii() and "\0" not in value else _unkeepable_text(value)
    if isinstance(value, int | float):
        return None if _is_writable(value) else "is a number too large to be kept: send it as text"
    if not isinstance(value, dict | list):
        return None
    if depth == 0:
        return f"is nested deeper than {DEEPEST} levels: send it flatter"
    if isinstance(value, list):
        return next((fault for part in value if (fault := unkeepable(part, depth - 1))), None)
    for name, part in value.items():
        if fault := _unkeepable_text(name) or unkeepable(part, depth - 1):
            return fault
    return None


def _is_writable(number: float) -> bool:
    return isfinite(number) if isinstance(number, float) else number.bit_length() <= LONGEST_INTEGER


def _unkeepable_text(text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character, which no text may hold: leave it out"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "holds half of a surrogate pair, which is no Unicode text: send the whole character"
    return None


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; `1`, `1.0` and `true`, which Python holds equal, are not."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, dict):
        return all(same(part, other[name]) for name, part in one.items())
    if isinstance(one, list):
        return all(map(same, one, other))
    return True
