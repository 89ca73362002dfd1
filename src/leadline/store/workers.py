"""Workers: each holds a lease on its name, so that others can tell that it is gone, and only when it is.

Two things speak for a worker: a session that holds the lock of its name, and a row with the end of its lease, by the
database's clock. A restart of PostgreSQL ends every session, but no lease; a session that outlives its lease is that
of a worker that is slow. A worker is gone if neither speaks for it, or at once if its process is seen to be.
"""

import asyncio
import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import asyncpg
import structlog

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import unavailable_named

log = structlog.get_logger()

LEASE: Final = 12.0
"""Seconds for which a lease is held that is not renewed."""
RENEW: Final = 3.0
"""Seconds between two renewals."""
AGAIN: Final = 0.5
"""Seconds between two tries to reach a database that is away."""
GIVING_UP: Final = 2.0
"""Seconds that the end of a worker may take to be written."""

_RENEW: Final = """
    insert into worker (name, host, pid, expires_at)
    values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
    on conflict (name) do update set expires_at = excluded.expires_at"""


class Standing:
    """A worker's word that it is alive, renewed for as long as the database can be reached."""

    def __init__(self, dsn: str, worker: str, clock: Clock) -> None:
        self._dsn, self.worker, self._clock = dsn, worker, clock
        self.held = asyncio.Event()
        """Set while the lease is ours: nothing may be claimed before, or after."""
        self._locked = False
        self._connected: float | None = None
        self._end: asyncio.TimerHandle | None = None

    @property
    def settled(self) -> bool:
        """Whether every worker that lives has had the time of a lease to renew its own since we could reach them all.

        After an outage of the database all leases are out, and whoever is back first must not judge by them.
        """
        return self._connected is not None and asyncio.get_running_loop().time() - self._connected > LEASE

    async def run(self) -> None:
        """Hold the lease until cancelled, and then give it up."""
        while True:
            try:
                with unavailable_named():
                    await self._hold()
            except DatabaseUnavailable as error:
                log.warning("the worker's lease waits for the database", reason=str(error))
            finally:
                self._locked, self._connected = False, None
            await self._clock.sleep(AGAIN)

    async def _hold(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10, command_timeout=LEASE, server_settings=_SESSION)
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            self._connected = asyncio.get_running_loop().time()
            while not gone.is_set():
                await self._renew(connection)
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEW):
                        await gone.wait()
        except asyncio.CancelledError:
            await self._give_up(connection)
            raise
        finally:
            connection.terminate()

    async def _renew(self, connection: Any) -> None:
        loop = asyncio.get_running_loop()
        asked = loop.time()
        if not self._locked:
            # Not waited for: a session of ours that the server has not missed yet may still hold it, which is as well.
            self._locked = await connection.fetchval(
                "select pg_try_advisory_lock(hashtextextended($1, 0))", self.worker
            )
        await connection.execute(_RENEW, self.worker, here(), os.getpid(), LEASE)
        if self._end is not None:
            self._end.cancel()
        self._end = loop.call_at(asked + LEASE, self._lost)
        self.held.set()

    def _lost(self) -> None:
        self.held.clear()
        log.error("the worker's lease ran out: nothing is claimed until it can be renewed", worker=self.worker)

    async def _give_up(self, connection: Any) -> None:
        if self._end is not None:
            self._end.cancel()
        self.held.clear()
        with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with asyncio.timeout(GIVING_UP):
                await connection.execute("delete from worker where name = $1", self.worker)


async def gone(connection: Any, standing: Standing) -> list[str]:
    """Workers with calls, or second legs, not ended that are gone; their locks are ours until the transaction ends."""
    rows = await connection.fetch(
        """select busy.name, worker.host, worker.pid, coalesce(expires_at < clock_timestamp(), true) as lapsed
           from (select worker as name from attempt where state <> 'ended' and worker <> $1
                 union select worker from leg where worker <> $1) as busy
           left join worker on worker.name = busy.name
           where pg_try_advisory_xact_lock(hashtextextended(busy.name, 0))""",
        standing.worker,
    )
    return [row["name"] for row in rows if _is_gone(row, settled=standing.settled)]


def _is_gone(row: Any, *, settled: bool) -> bool:
    if row["host"] is None:  # it gave its lease up
        return True
    return bool(row["lapsed"] and settled) or (row["host"] == here() and not _runs(row["pid"]))


async def forget(connection: Any, names: list[str]) -> None:
    """Drop the leases of workers that are gone, and those that ran out long ago."""
    await connection.execute(
        "delete from worker where name = any($1) or expires_at < clock_timestamp() - interval '1 hour'", names
    )


@cache
def here() -> str:
    """Where a process id means what it means to us: this machine since it was booted, this container."""
    kernel = [Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")]
    told = [socket.gethostname()]
    with suppress(OSError):
        told += [kernel[0].read_text().strip(), str(kernel[1].readlink())]
    return " ".join(told)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


_SESSION: Final = {
    "application_name": "leadline",
    # A machine that is cut off is noticed within half a minute, and its lock with it.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
