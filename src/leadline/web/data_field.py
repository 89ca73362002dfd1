"""The field `data` of a form or a query, in whichever of three ways it is encoded.

The vendor's own example is `curl -d "data={JSON}"`, which encodes nothing, so that `+`, `%` and `&` are data there.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

NAME: Final = b"data"
_AT_ONCE: Final = 65_536
"""Bytes that are decoded at a time: each part between two percent signs takes ten times its size meanwhile."""


def data_of(encoded: bytes) -> bytes | None:
    """The document that the field holds, None if there is no such field."""
    start = 0
    while start <= len(encoded):
        end = encoded.find(b"&", start)
        end = len(encoded) if end < 0 else end
        equals = encoded.find(b"=", start, end)
        if equals >= 0 and unquote_to_bytes(encoded[start : min(equals, start + 64)]).strip().lower() == NAME:
            return _document(encoded, equals + 1, end)
        start = end + 1
    return None


def _document(encoded: bytes, start: int, end: int) -> bytes:
    """Raw to the end of all, where it begins as a document does that nobody encoded; else decoded to its own end."""
    value = encoded[start:end]
    if not value.startswith(b"{"):
        return _decoded(value.replace(b"+", b" "))
    if b'"' in value:
        return encoded[start:]
    return _decoded(value)


def _decoded(value: bytes) -> bytes:
    decoded = bytearray()
    start = 0
    while start < len(value):
        end = start + _AT_ONCE
        cut = value.find(b"%", end - 2, end)  # not through an escape
        end = cut if cut >= 0 else end
        decoded += unquote_to_bytes(value[start:end])
        start = end
    return bytes(decoded)
