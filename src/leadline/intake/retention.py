"""Retention: the push log and the kept answers do not grow for ever."""

from datetime import timedelta
from typing import Final

import structlog

from leadline.clock import Clock
from leadline.store import answers, pushes
from leadline.store.database import Database

log = structlog.get_logger()

EVERY: Final = 3_600.0
"""Seconds between two sweeps."""
BATCH: Final = 5_000
"""Rows of one transaction: few enough that nothing waits for it."""


class Retention:
    """Deletes what is kept no more."""

    def __init__(self, database: Database, clock: Clock, push_log_days: int) -> None:
        self._database, self._clock = database, clock
        self._push_log = timedelta(days=push_log_days)

    async def run(self) -> None:
        """Sweep now and every hour, for ever; raises DatabaseUnavailable."""
        while True:
            await self.sweep()
            await self._clock.sleep(EVERY)

    async def sweep(self) -> int:
        """Delete what is too old; returns how many rows that were."""
        now, deleted, full = self._clock.now(), 0, True
        async with self._database.connection() as connection:
            deleted += await answers.forget(connection, now)
            while full:
                gone = await pushes.forget(connection, now - self._push_log, BATCH)
                deleted, full = deleted + gone, gone == BATCH
        if deleted:
            log.info("kept no more", rows=deleted)
        return deleted
