"""One line of the prompts' room: the leads of one speech engine, hot ones or all others, a batch at a time.

A batch is taken in a short transaction that settles what it can and puts off the rest for as long as the making
may take; the audio is made while nothing is locked; a last transaction settles the leads as they are by then.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable, SpeechImpossible, SpeechUnavailable
from leadline.domain.lead import Lead
from leadline.domain.prompt import Prompt
from leadline.domain.upsert import DueKind
from leadline.prompts.engines.engine import SpeechEngine
from leadline.prompts.settling import HOLDING, SpeechFailure, settle
from leadline.store import claims, prompts
from leadline.store.catalogue import Catalogue, Process
from leadline.store.database import Connection, Database
from leadline.telephony.engine import Pcm

log = structlog.get_logger()

HOT: Final = 0
"""The priority of hot leads: they have a line of their own, so that none waits for another lead's audio."""
BATCH: Final = 16
LEASE: Final = timedelta(seconds=10)
"""When a batch that came to nothing, because its process was killed over it, is taken again."""
LONGEST_WAIT: Final = 30.0
"""Seconds after which a line looks again unasked."""
LOCKED: Final = 0.05
"""Seconds until a line looks again for leads that somebody else holds."""
DATABASE_AWAY: Final = 0.5
"""Seconds between two tries to reach a database that is away."""


class Line:
    """Makes what `engine` is to say for the leads of the processes that it `serves`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        serves: Callable[[Process], bool],
        engine: SpeechEngine | None,
        *,
        hot: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self._serves = serves
        self._engine = engine
        self._hot = hot
        self._places = asyncio.Semaphore(engine.at_once if engine else 1)
        self._woken = asyncio.Event()
        self._known = Catalogue()

    def wake(self) -> None:
        """Look at once: a lead may wait, or the configuration have changed."""
        self._woken.set()

    async def run(self) -> None:
        """Work for ever."""
        away = False
        while True:
            self._woken.clear()
            try:
                pause = await self._round()
                away = False
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("prompts wait for the database", reason=str(error))
                away, pause = True, DATABASE_AWAY
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)

    async def _round(self) -> float:
        """The next batch, if there is one; returns how long nothing is to be done, in seconds."""
        catalogue = self._catalogue()
        processes = {process.id: process for process in catalogue.processes.values() if self._serves(process)}
        if not processes:
            return LONGEST_WAIT
        async with self._database.connection() as connection:
            await self._release(connection, catalogue, processes.values())
            now = self._clock.now()
            ready = await claims.ready(connection, DueKind.PROMPT, list(processes), now)
            following = await claims.next_due(connection, DueKind.PROMPT, list(processes), now)
        mine = [process_id for priority, process_id in ready if (priority == HOT) is self._hot]
        for priority, process_id in ready:
            if process_id in mine and (priority == HOT) is self._hot and await self._batch(process_id, priority):
                return 0.0
        if mine:
            return LOCKED
        return LONGEST_WAIT if following is None else min(LONGEST_WAIT, max(0.0, (following - now).total_seconds()))
