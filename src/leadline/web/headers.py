"""The headers of a request, and those that its answer will have, as ASGI tells them: a request is a mapping here,
be it bare or the framework's.
"""

from collections.abc import Mapping
from typing import Any, Final

ANSWERS: Final = "leadline.headers"
"""Where the headers are that an answer will have: of the server's scope, a list."""


def header(request: Mapping[str, Any], name: bytes) -> str:
    """The first header of this name, which is in lower case; blank if there is none."""
    for given, value in request["headers"]:
        if given == name:
            return str(value, "latin-1")
    return ""


def answer_with(request: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Have the answer to this request carry these headers, whatever it is."""
    more: list[Any] = request.get(ANSWERS, [])
    more += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
