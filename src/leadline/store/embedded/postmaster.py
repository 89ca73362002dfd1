"""One run of the `postgres` program: from its spawning, over its first answer, to its end."""

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import asyncpg

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.embedded.binaries import Binaries
from leadline.store.embedded.child import spawn
from leadline.store.embedded.cluster import SUPERUSER
from leadline.store.embedded.identity import Identity
from leadline.store.embedded.parameters import PORT, arguments
from leadline.store.embedded.remedies import remedy_for
from leadline.store.embedded.server_log import ServerLog

DATABASE = "leadline"

# After a crash the server first reads its log again: seconds as a rule, minutes on a slow disk.
READY_SECONDS, POLL_SECONDS, CONNECT_SECONDS = 600.0, 0.02, 10.0
LOG_CHECK_SECONDS = 60.0
STATUS_LINE = 7  # of postmaster.pid, counted from 0 (PostgreSQL's utils/pidfile.h)

# How to stop: the signal, and how long it may take. SIGINT writes out what is in memory, SIGQUIT leaves that to
# the next start.
STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

NOT_YET = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # "the database system is starting up"
    asyncpg.TooManyConnectionsError,
)


@dataclass(frozen=True, slots=True)
class Site:
    """All that a run of the server needs to know."""

    cluster: Path
    socket_directory: Path
    binaries: Binaries
    identity: Identity
    log: ServerLog
    fast: bool


class Postmaster:
    """The process and what we know of it."""

    def __init__(self, site: Site, process: asyncio.subprocess.Process) -> None:
        self._site = site
        self._process = process
        self._exit = asyncio.create_task(process.wait())

    @classmethod
    async def spawn(cls, site: Site) -> Self:
        command: list[str | Path] = [
            site.binaries.postgres,
            *arguments(site.cluster, site.socket_directory, fast=site.fast),
        ]
        with site.log.open() as output:
            reach = [site.socket_directory, site.cluster]
            return cls(site, await spawn(command, site.identity, reach=reach, output=output))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def answers(self) -> None:
        """Returns when the database `leadline` can be used; makes it when it is missing.

        Raises DatabaseUnavailable when the server ends instead, or does not answer for ten minutes.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_SECONDS
        while not (self._says_ready() and await self._usable()):
            await asyncio.wait({self._exit}, timeout=POLL_SECONDS)
            if self._exit.done():
                raise self._failure(f"ended with code {self._exit.result()}")
            if loop.time() > deadline:
                raise self._failure(f"did not answer within {READY_SECONDS:.0f} s")

    async def ended(self) -> int:
        """Waits for the end and returns the exit code (negative: the signal); keeps the log bounded meanwhile."""
        while not self._exit.done():
            await asyncio.wait({self._exit}, timeout=LOG_CHECK_SECONDS)
            self._site.log.bound()
        return self._exit.result()

    async def stop(self) -> None:
        """Ends the server: with all written out if it can, by force if it does not heed."""
        for number, patience in STOPPING:
            if self._exit.done():
                return
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            await asyncio.wait({self._exit}, timeout=patience)

    def _says_ready(self) -> bool:
        """Whether the server has written so into postmaster.pid: asking by connecting would fill its log."""
        try:
            lines = (self._site.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > STATUS_LINE and int(lines[0]) == self.pid and lines[STATUS_LINE].strip() == "ready"

    async def _usable(self) -> bool:
        try:
            connection = await asyncpg.connect(
                host=str(self._site.socket_directory),
                port=PORT,
                user=SUPERUSER,
                database="postgres",
                timeout=CONNECT_SECONDS,
            )
            try:
                if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                    await connection.execute(f"CREATE DATABASE {DATABASE}")
            finally:
                await connection.close()
        except NOT_YET:
            return False
        except asyncpg.PostgresError as error:
            raise self._failure(f"refused us: {error}") from error
        return True

    def _failure(self, what: str) -> DatabaseUnavailable:
        tail = self._site.log.tail()
        server = f"the embedded PostgreSQL {self._site.binaries.version} of {self._site.cluster}"
        return DatabaseUnavailable(f"{server} {what}: {remedy_for(tail)}\n{tail}".rstrip())
