"""The embedded PostgreSQL: a child of Leadline that is there while Leadline is, and comes back when it dies.

DIR/postgres          the cluster
DIR/postgres.log      what the server says; DIR/postgres.log.1 is older
DIR/postgres.socket   where its socket directory is, so that a start after a kill can remove it
"""

import asyncio
import contextlib
from pathlib import Path
from urllib.parse import quote

import structlog

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.embedded import cluster as clusters
from leadline.store.embedded.binaries import find
from leadline.store.embedded.capability import equip
from leadline.store.embedded.identity import choose
from leadline.store.embedded.parameters import PORT
from leadline.store.embedded.postmaster import DATABASE, Postmaster, Site
from leadline.store.embedded.processes import end_leftovers
from leadline.store.embedded.server_log import ServerLog
from leadline.store.embedded.socket_directory import (
    clear_socket_directory,
    make_socket_directory,
    remove_socket_directory,
)

log = structlog.get_logger(__name__)

# A server that lived this long gets a new run at once; one that dies again and again waits longer and longer.
STEADY_SECONDS, FIRST_PAUSE, LONGEST_PAUSE = 30.0, 0.1, 10.0


class EmbeddedPostgres:
    """The server of one data directory, which the caller holds locked (see data_directory.py).

    `up` is set while the server answers, `down` while it does not. Started from the main thread, since the kernel
    stops the server when the thread that spawned it ends.
    """

    def __init__(self, directory: Path, *, binaries: Path | None = None, fast: bool = False) -> None:
        """`binaries`: the directory the operator names (LEADLINE_PG_BIN); `fast`: for tests, nothing is synced."""
        self._directory = directory.resolve()
        self._cluster = self._directory / "postgres"
        self._record = self._directory / "postgres.socket"
        self._named, self._fast = binaries, fast
        self._site: Site | None = None
        self._postmaster: Postmaster | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.up, self.down = asyncio.Event(), asyncio.Event()
        self.down.set()

    @property
    def dsn(self) -> str:
        """How to connect, for asyncpg; the same for as long as this server is not stopped."""
        if self._site is None:
            raise DatabaseUnavailable("the embedded PostgreSQL was not started")
        host = quote(str(self._site.socket_directory), safe="/")
        return f"postgresql://{clusters.SUPERUSER}@/{DATABASE}?host={host}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster, for those who watch it."""
        return self._postmaster.pid if self._postmaster else None

    async def start(self) -> None:
        """Returns when the database answers; from then on the server is kept up until `stop`.

        Makes the cluster on first use and clears away what a killed run left. Raises DatabaseUnavailable with the
        end of the server's log and what to do; nothing is left running then.
        """
        try:
            self._site = await self._prepare()
            await self._bring_up(self._site)
        except OSError as error:
            await self.stop()
            raise DatabaseUnavailable(f"the embedded PostgreSQL cannot be started: {error}") from error
        except BaseException:
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise(self._site), name="embedded PostgreSQL")

    async def stop(self) -> None:
        """Stops the server, everything written out, and removes its socket; may be called at any time."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        if self._postmaster is not None:
            await self._postmaster.stop()
            self._postmaster = None
            log.info("embedded PostgreSQL stopped")
        self._say(up=False)
        if self._site is not None:
            await end_leftovers(self._cluster, self._site.identity.owner)
            self._site = None
        remove_socket_directory(self._record)

    async def _prepare(self) -> Site:
        binaries = await asyncio.to_thread(find, self._named, major=clusters.major_of(self._cluster))
        identity = choose(self._cluster)
        if ended := await end_leftovers(self._cluster, identity.owner):
            log.warning("ended what a killed Leadline had left of its PostgreSQL", processes=ended)
        socket_directory = make_socket_directory(self._record, identity)
        identity = await equip(identity, binaries, [self._directory, socket_directory])
        if clusters.major_of(self._cluster) is None:
            log.info("making the database", directory=str(self._cluster), version=binaries.version)
            await clusters.initialise(self._cluster, binaries, identity, fast=self._fast)
        server_log = ServerLog(self._directory / "postgres.log")
        return Site(self._cluster, socket_directory, binaries, identity, server_log, self._fast)

    async def _bring_up(self, site: Site) -> None:
        clear_socket_directory(site.socket_directory)
        clusters.forget_stranger(site.cluster)
        self._postmaster = await Postmaster.spawn(site)
        await self._postmaster.answers()
        self._say(up=True)
        log.info("embedded PostgreSQL is up", pid=self.pid, version=site.binaries.version)

    async def _supervise(self, site: Site) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.0
        while self._postmaster is not None:
            began = loop.time()
            code = await self._postmaster.ended()
            self._say(up=False)
            log.error("embedded PostgreSQL ended by itself: starting it again", code=code)
            pause = 0.0 if loop.time() - began > STEADY_SECONDS else _longer(pause)
            while not await self._revived(site, pause):
                pause = _longer(pause)

    async def _revived(self, site: Site, pause: float) -> bool:
        await asyncio.sleep(pause)
        try:
            # Orphans of the dead server hold its shared memory: no new one starts before they are gone.
            await end_leftovers(site.cluster, site.identity.owner)
            await self._bring_up(site)
        except (DatabaseUnavailable, OSError) as error:
            log.error("embedded PostgreSQL does not come up: trying again", reason=str(error))  # noqa: TRY400
            if self._postmaster is not None:
                await self._postmaster.stop()
            return False
        return True

    def _say(self, *, up: bool) -> None:
        for event, state in ((self.up, up), (self.down, not up)):
            if state:
                event.set()
            else:
                event.clear()


def _longer(pause: float) -> float:
    return min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)
