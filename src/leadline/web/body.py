"""The bodies of requests, held in bounds: so many bytes of one, so many of all at once, and no longer than so long."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import ClientDisconnect, Request

from leadline.web.problems import RETRY_AFTER, Refused

JSON: Final = frozenset({"", "application/json", "text/plain"})
"""Content types that are read as JSON; none at all is one of them."""
FORM: Final = "application/x-www-form-urlencoded"


class Bodies:
    """Reads bodies whole; what a request's body takes counts until the request is answered."""

    def __init__(self, largest: int, in_flight: int, seconds: float) -> None:
        self._largest = largest
        self._most = max(largest, in_flight)
        self._seconds = seconds
        self._in_flight = 0

    @asynccontextmanager
    async def whole(self, request: Request, kinds: Collection[str] = JSON) -> AsyncIterator[bytes]:
        """The bytes of a body of one of these content types; raises Refused with 400, 408, 413, 415 or 503."""
        kind = kind_of(request)
        if kind not in kinds:
            readable = " or ".join(sorted({"application/json", *kinds} - {"", "text/plain"}))
            raise Refused(415, "unsupported_media_type", f"{kind} is not read here: send {readable}")
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            message = "compressed bodies are not read: send it as it is, without Content-Encoding"
            raise Refused(415, "unsupported_content_encoding", message, headers={"Accept-Encoding": "identity"})
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and len(declared) < _DIGITS and int(declared) > self._largest:
            raise self._too_large()
        body = bytearray()
        try:
            await self._read(request, body)
            yield bytes(body)
        finally:
            self._in_flight -= len(body)

    async def _read(self, request: Request, body: bytearray) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                async for part in request.stream():
                    self._admit(len(body), len(part))
                    self._in_flight += len(part)
                    body += part
        except TimeoutError:
            message = f"the body was not here after {self._seconds:g} seconds: send it faster, or in several requests"
            raise Refused(408, "body_too_slow", message, headers={"Connection": "close"}) from None
        except ClientDisconnect:
            raise Refused(400, "half_sent", "the body ended before its time: send it whole") from None

    def _admit(self, there: int, more: int) -> None:
        if there + more > self._largest:
            raise self._too_large()
        if self._in_flight + more > self._most:
            message = "too many large requests at once: nothing of this one was taken, send it again"
            raise Refused(503, "overloaded", message, headers=RETRY_AFTER)

    def _too_large(self) -> Refused:
        message = f"the body is larger than {self._largest} bytes: push the records in several requests"
        return Refused(413, "body_too_large", message)


_DIGITS: Final = 20
"""Digits of a declared length that are read; Python refuses thousands of them."""


def kind_of(request: Request) -> str:
    """The content type without its parameters; blank if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
