"""The bodies of requests, held in bounds: so many bytes of one, so many of all at once, and no longer than so long."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from starlette.types import Receive, Scope

from leadline.web.headers import header
from leadline.web.problems import RETRY_AFTER, Refused

JSON: Final = frozenset({"", "application/json", "text/plain"})
"""Content types that are read as JSON; none at all is one of them."""
FORM: Final = "application/x-www-form-urlencoded"

_T = TypeVar("_T")


class Bodies:
    """Reads bodies whole; what a request's body takes counts until the request is answered."""

    def __init__(self, largest: int, in_flight: int, seconds: float) -> None:
        self._largest = largest
        self._most = max(largest, in_flight)
        self._seconds = seconds
        self._in_flight = 0

    async def handed(
        self, scope: Scope, receive: Receive, take: Callable[[bytes], Awaitable[_T]], kinds: Collection[str] = JSON
    ) -> _T:
        """What `take` makes of a body of one of these content types; raises Refused with 400, 408, 413, 415 or 503."""
        kind = kind_of(scope)
        if kind not in kinds:
            readable = " or ".join(sorted({"application/json", *kinds} - {"", "text/plain"}))
            raise Refused(415, "unsupported_media_type", f"{kind} is not read here: send {readable}")
        encoding = header(scope, b"content-encoding").strip().lower()
        if encoding not in ("", "identity"):
            message = "compressed bodies are not read: send it as it is, without Content-Encoding"
            raise Refused(415, "unsupported_content_encoding", message, headers={"Accept-Encoding": "identity"})
        declared = header(scope, b"content-length")
        if declared.isdecimal() and len(declared) < _DIGITS and int(declared) > self._largest:
            raise self._too_large()
        body = bytearray()
        try:
            await self._read(receive, body)
            return await take(bytes(body))
        finally:
            self._in_flight -= len(body)

    async def _read(self, receive: Receive, body: bytearray) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine runs in one)
        # As asyncio.timeout does it, which costs more than all else here.
        timer = asyncio.get_running_loop().call_later(self._seconds, task.cancel, _OVERDUE)
        try:
            more = True
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise Refused(400, "half_sent", "the body ended before its time: send it whole")
                part, more = event.get("body", b""), event.get("more_body", False)
                self._admit(len(body), len(part))
                self._in_flight += len(part)
                body += part
        except asyncio.CancelledError as cancelled:
            if _OVERDUE not in cancelled.args or task.uncancel():
                raise
            message = f"the body was not here after {self._seconds:g} seconds: send it faster, or in several requests"
            raise Refused(408, "body_too_slow", message, headers={"Connection": "close"}) from None
        finally:
            timer.cancel()

    def _admit(self, there: int, more: int) -> None:
        if there + more > self._largest:
            raise self._too_large()
        if self._in_flight + more > self._most:
            message = "too many large requests at once: nothing of this one was taken, send it again"
            raise Refused(503, "overloaded", message, headers=RETRY_AFTER)

    def _too_large(self) -> Refused:
        message = f"the body is larger than {self._largest} bytes: push the records in several requests"
        return Refused(413, "body_too_large", message)


_OVERDUE: Final = "the body is overdue"
_DIGITS: Final = 20
"""Digits of a declared length that are read; Python refuses thousands of them."""


def kind_of(request: Mapping[str, Any]) -> str:
    """The content type without its parameters; blank if there is none."""
    return header(request, b"content-type").partition(";")[0].strip().lower()
