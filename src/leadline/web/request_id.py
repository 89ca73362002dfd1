"""Request ids: the caller's own if it is sane, else a new one; in every answer, and in whatever is logged meanwhile."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

HEADER: Final = b"x-request-id"
_SANE: Final = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
_MORE: Final = "leadline.headers"


class RequestIds:
    """ASGI around the whole application, so that its failures carry an id too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or uuid4().hex.encode()
        headers = scope[_MORE] = [(HEADER, request_id)]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        with bound_contextvars(request_id=request_id.decode()):
            await self._app(scope, receive, send_with_headers)


def add_headers(scope: Scope, headers: Mapping[str, str]) -> None:
    """Have the answer to this request carry these headers, whatever it is."""
    more: list[Any] = scope.get(_MORE, [])
    more += [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _given(scope: Scope) -> bytes | None:
    given = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return given if _SANE.fullmatch(given) else None
