"""The addresses that are asked for thousands of times a second, ahead of the framework.

Its routing, its layers of middleware and its objects cost many times what a push costs itself. Failures are answered
by the handlers that the framework has.
"""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Handlers = dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and what makes the JSON with which a request is answered; whatever fails is raised."""

    path: str
    methods: Sequence[str]
    serve: Callable[[Scope, Receive], Awaitable[bytes]]

    @property
    def route(self) -> Route:
        """The same for the framework, which refuses other methods, and leads here from the path with a slash."""

        async def served(request: Request) -> Response:
            return Response(await self.serve(request.scope, request.receive), media_type="application/json")

        route = Route(self.path, served, include_in_schema=False)
        route.methods = set(self.methods)  # a HEAD, which comes with GET unless told otherwise, would push
        return route


class Shortcut:
    """ASGI: endpoints by their exact path and method; whatever is not among them is the framework's."""

    def __init__(self, app: ASGIApp, endpoints: Sequence[Endpoint], handlers: Handlers) -> None:
        self._app, self._handlers = app, handlers
        self._serve = {(endpoint.path, method): endpoint.serve for endpoint in endpoints for method in endpoint.methods}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serve = self._serve.get((scope["path"], scope["method"])) if scope["type"] == "http" else None
        if serve is None:
            await self._app(scope, receive, send)
            return
        try:
            content = await serve(scope, receive)
        except Exception as error:
            handle = next((self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers), None)
            if handle is None:
                raise
            response = await handle(Request(scope), error)
            await response(scope, receive, send)
            return
        length = (b"content-length", b"%d" % len(content))
        await send({"type": "http.response.start", "status": 200, "headers": [length, _JSON]})
        await send({"type": "http.response.body", "body": content})


_JSON = (b"content-type", b"application/json")
