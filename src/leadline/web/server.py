"""Serving the application: listening sockets, uvicorn behind each, signals left to whoever runs Leadline."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from leadline.domain.errors import ConfigurationError

BACKLOG = 2_048
GRACE = 5
"""Seconds that requests in flight have when the server stops."""


def listen(host: str, port: int, processes: int = 1) -> list[socket.socket]:
    """One socket for each process that serves an address; port 0 picks a free one.

    The kernel spreads connections over them (socket(7), SO_REUSEPORT). Raises ConfigurationError if another program
    has the address, be it another Leadline: the first socket is bound as if it were the only one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sockets: list[socket.socket] = []
    try:
        for n in range(processes):
            sockets.append(one := socket.socket(family, socket.SOCK_STREAM))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if n > 0:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((host, sockets[0].getsockname()[1] if n > 0 else port))
            if n == 0 and processes > 1:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        for one in sockets:
            one.listen(BACKLOG)
    except OSError as error:
        for one in sockets:
            one.close()
        raise ConfigurationError(
            f"HTTP cannot listen at {host}:{port} ({error.strerror}): "
            "end the program that listens there, or give another address with --http HOST:PORT"
        ) from error
    return sockets


def url_of(host: str, listening: socket.socket) -> str:
    """Where a socket of `listen` is reached."""
    written = f"[{host}]" if listening.family is socket.AF_INET6 else host
    return f"http://{written}:{listening.getsockname()[1]}"


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """HTTP on one listening socket, which it closes in the end.

    Who asks is who has connected; only of `proxies`, addresses or networks, it is whom X-Forwarded-For names.
    """

    def __init__(self, listening: socket.socket, proxies: Sequence[str] = ()) -> None:
        self._socket, self._proxies = listening, list(proxies)
        self._server: _Uvicorn | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, app: ASGIApp) -> None:
        """Serve from now on."""
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # a query string may hold an API key
            server_header=False,
            proxy_headers=bool(self._proxies),
            forwarded_allow_ips=self._proxies,  # else a variable of uvicorn's own may say
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Uvicorn(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="http")

    async def stop(self) -> None:
        """Finish the requests in flight and close; may be called again."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._socket.close()
