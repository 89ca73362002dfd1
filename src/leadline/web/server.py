"""Serving the application: one listening socket, uvicorn behind it, signals left to whoever runs Leadline."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from leadline.domain.errors import ConfigurationError

BACKLOG = 2_048
GRACE = 5
"""Seconds that requests in flight have when the server stops."""


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """HTTP at one address; port 0 picks a free one."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: socket.socket | None = None
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None

    def bind(self) -> str:
        """Take the address and return its URL; raises ConfigurationError if another program has it."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise ConfigurationError(
                f"HTTP cannot listen at {self._host}:{self._port} ({error.strerror}): "
                "end the program that listens there, or give another address with --http HOST:PORT"
            ) from error
        listener.listen(BACKLOG)
        self._socket = listener
        host = f"[{self._host}]" if family is socket.AF_INET6 else self._host
        return f"http://{host}:{listener.getsockname()[1]}"

    async def start(self, app: ASGIApp) -> None:
        """Serve from now on."""
        assert self._socket is not None  # noqa: S101  (bound first)
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # a query string may hold an API key
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Uvicorn(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")

    async def stop(self) -> None:
        """Finish the requests in flight and close."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        if self._socket is not None:
            self._socket.close()
