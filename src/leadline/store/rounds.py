"""A stage's rounds: look, do what is to be done, sleep until the next thing is due or somebody wakes it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from leadline.domain.errors import DatabaseUnavailable

log = structlog.get_logger()

DATABASE_AWAY: Final = 0.5
"""Seconds between two tries to reach a database that is away."""

Look = Callable[[], Awaitable[float]]
"""One look at what is to be done; returns for how many seconds nothing is."""


class Rounds:
    """The rounds of one stage, which may be woken at any time; while PostgreSQL is away they wait for it."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._woken = asyncio.Event()
        self.asleep = False
        """Whether the last look is over and the next has not begun."""

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    async def run(self, look: Look, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Look again and again for as long as `goes_on` says so; a database that is away is said once."""
        away = False
        while goes_on():
            self._woken.clear()
            try:
                pause = await look()
                away = False
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("a stage waits for the database", stage=self._stage, reason=str(error))
                away, pause = True, DATABASE_AWAY
            self.asleep = True
            # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with a wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            self.asleep = False
