"""Request ids: the caller's own if it is sane, else a new one; in every answer, and in whatever is logged meanwhile."""

import re
from itertools import count
from secrets import token_hex
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from leadline.web.headers import ANSWERS, header

HEADER: Final = b"x-request-id"
_SANE: Final = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")


class RequestIds:
    """ASGI around the whole application, so that its failures carry an id too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = count()
        self._process = token_hex(8)  # one look at the system's randomness for all requests: each costs microseconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = header(scope, HEADER)
        request_id = given if _SANE.fullmatch(given) else f"{self._process}{next(self._numbers):016x}"
        headers = scope[ANSWERS] = [(HEADER, request_id.encode())]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        bound = bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            reset_contextvars(**bound)
