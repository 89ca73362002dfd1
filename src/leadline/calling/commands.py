"""What others have a worker do to the calls that it holds: read at every `command` notification, done once."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import structlog

from leadline.store import commands
from leadline.store.database import Database
from leadline.store.rounds import Rounds

log = structlog.get_logger()

LONGEST_WAIT: Final = 5.0
"""Seconds after which the stage looks again unasked."""
NOT_UP_YET: Final = 0.05
"""Seconds until it looks again for a call that is committed and about to be made."""

HangUp = Callable[[UUID], Awaitable[bool]]
"""Hang up the call of an attempt; False if it is not there, or not yet."""


class CommandStage:
    """Does what this worker is told."""

    def __init__(self, database: Database, worker: str, hang_up: HangUp) -> None:
        self._database, self._worker, self._hang_up = database, worker, hang_up
        self._done: set[int] = set()
        self._rounds = Rounds("commands")

    def wake(self) -> None:
        """Look at once: something may have been said."""
        self._rounds.wake()

    async def run(self) -> None:
        """Obey for ever; while PostgreSQL is away, wait for it."""
        await self._rounds.run(self._look)

    async def _look(self) -> float:
        async with self._database.connection() as connection:
            told = await commands.of_worker(connection, self._worker)
        # A command stays until its attempt has ended: until then it is remembered as done.
        self._done &= {command.id for command in told}
        new = [command for command in told if command.id not in self._done]
        for command in new:
            if await self._hang_up(command.attempt_id):
                log.info("hanging up as told", attempt=str(command.attempt_id), command=command.kind.value)
                self._done.add(command.id)
        return LONGEST_WAIT if self._done.issuperset(command.id for command in new) else NOT_UP_YET
