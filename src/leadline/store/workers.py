"""Workers: each holds the lock of its name for as long as it lives, so that others can tell that it is gone."""

import asyncio
from typing import Final

import asyncpg
import structlog

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import unavailable_named

log = structlog.get_logger()

AGAIN: Final = 0.5
"""Seconds between two tries to reach a database that is away."""


class Standing:
    """A worker's word that it is alive: a session's advisory lock, taken anew after each loss of the database."""

    def __init__(self, dsn: str, worker: str, clock: Clock) -> None:
        self._dsn, self._worker, self._clock = dsn, worker, clock
        self.held = asyncio.Event()
        """Set while the lock is ours: nothing may be claimed before."""

    async def run(self) -> None:
        """Hold the lock, for ever."""
        while True:
            try:
                with unavailable_named():
                    await self._hold()
            except DatabaseUnavailable as error:
                log.warning("the worker's lock waits for the database", reason=str(error))
            finally:
                self.held.clear()
            await self._clock.sleep(AGAIN)

    async def _hold(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10, server_settings={"application_name": "leadline"})
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            await connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", self._worker)
            self.held.set()
            await gone.wait()
        finally:
            connection.terminate()
