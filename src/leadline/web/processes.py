"""Several processes that serve HTTP at one address, as their parent sees them, and the parent as one of them does.

Between the two is a pair of sockets. The parent says where the database is, once it is there; the process says that
it serves, and asks what keeps Leadline from its work. The end of either is the end of what the other reads: a web
process without a parent stops.
"""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import structlog

from leadline.clock import Clock
from leadline.web.server import GRACE

log = structlog.get_logger()

Missing = Callable[[], Awaitable[dict[str, str]]]
"""What keeps Leadline from its work, by name, each with its reason; empty if nothing does."""

_SERVING: Final = b"serving\n"
_MISSING: Final = b"missing?\n"
_PAUSE: Final = 1.0
"""Seconds between the end of a process that did not live long and its next beginning."""
_LONG: Final = 10.0
"""Seconds after which what ended it is not that it cannot live."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: a module, with the file descriptors of its link, of its socket and of what all share."""

    module: str
    shared: Sequence[int]
    environment: Mapping[str, str]


class WebProcesses:
    """One process for each listening socket, begun anew whenever it ends; the sockets stay open meanwhile."""

    def __init__(self, program: Program, listening: Sequence[socket.socket], missing: Missing, clock: Clock) -> None:
        self._program, self._listening = program, listening
        self._missing, self._clock = missing, clock
        self._dsn: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._serving = [asyncio.Event() for _ in listening]
        self._kept = [
            asyncio.create_task(self._keep(one, serving), name="web process")
            for one, serving in zip(listening, self._serving, strict=True)
        ]

    async def serve(self, dsn: str) -> None:
        """Have them serve on this database; returns when each of them does."""
        self._dsn.set_result(dsn)
        for serving in self._serving:
            await serving.wait()

    async def stop(self) -> None:
        """Have each finish its requests in flight, then close the sockets."""
        for task in self._kept:
            task.cancel()
        await asyncio.wait(self._kept)
        for one in self._listening:
            one.close()

    async def _keep(self, listening: socket.socket, serving: asyncio.Event) -> NoReturn:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            ours, theirs = socket.socketpair()
            descriptors = (theirs.fileno(), listening.fileno(), *self._program.shared)
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-m", self._program.module, *map(str, descriptors)),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    pass_fds=descriptors,
                    env=self._program.environment,
                    start_new_session=True,  # Ctrl-C is its parent's, who ends it in good order
                )
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                await self._attend(reader, writer, serving)
            finally:
                writer.close()
                await asyncio.shield(_ended(process))
            log.error("a web process ended and begins again", pid=process.pid, status=process.returncode)
            if loop.time() - began < _LONG:  # else at once: whoever connects to its socket waits for the next
                await self._clock.sleep(_PAUSE)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, serving: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(_line(await self._dsn))
            async for line in reader:
                if line == _SERVING:
                    serving.set()
                else:
                    writer.write(_line(await self._missing()))


class Parent:
    """The Leadline that began this web process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._answers: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._asking = asyncio.Lock()

    @classmethod
    async def at(cls, descriptor: int) -> "Parent":
        """The parent at the other end of a socket."""
        return cls(*await asyncio.open_connection(sock=socket.socket(fileno=descriptor)))

    async def dsn(self) -> str | None:
        """Where the database is; None if the parent is gone."""
        line = await self._reader.readline()
        return str(json.loads(line)) if line else None

    def say_serving(self) -> None:
        self._writer.write(_SERVING)

    async def missing(self) -> dict[str, str]:
        """What keeps Leadline from its work, as the parent sees it."""
        async with self._asking:
            self._writer.write(_MISSING)
            return await self._answers.get()

    async def gone(self) -> None:
        """Hear the parent until it wants no more of this process, or is no more."""
        with contextlib.suppress(ConnectionError):
            async for line in self._reader:
                self._answers.put_nowait(json.loads(line))


def _line(told: object) -> bytes:
    return json.dumps(told).encode() + b"\n"


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), GRACE + 2)
    except TimeoutError:
        process.kill()
        await process.wait()
