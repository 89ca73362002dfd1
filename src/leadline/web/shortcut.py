"""The addresses that are asked for thousands of times a second, ahead of the framework.

Its routing and its layers of middleware cost twice what a push costs itself. Failures are answered by the handlers
that the framework has.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

Handlers = dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]


class Shortcut:
    """ASGI: endpoints by their exact path and method; whatever is not among them is the framework's."""

    def __init__(self, app: ASGIApp, routes: Sequence[Route], handlers: Handlers) -> None:
        self._app, self._handlers = app, handlers
        self._endpoints = {
            (route.path, method): route.endpoint
            for route in routes
            for method in route.methods or ()
            if method != "HEAD"
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get((scope["path"], scope["method"])) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except Exception as error:
            handle = next((self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers), None)
            if handle is None:
                raise
            response = await handle(request, error)
        await response(scope, receive, send)
