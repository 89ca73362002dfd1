"""One line of the prompts' room: the leads of one speech engine, hot ones or all others, a batch at a time.

A batch is taken in a short transaction that settles what it can and puts off the rest for as long as the making
may take; the audio is made while nothing is locked; a last transaction settles the leads as they are by then.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from leadline.clock import Clock
from leadline.domain.errors import SpeechImpossible, SpeechUnavailable
from leadline.domain.lead import Lead
from leadline.domain.prompt import Prompt
from leadline.domain.upsert import DueKind
from leadline.prompts.engines.engine import SpeechEngine
from leadline.prompts.settling import HOLDING, SpeechFailure, settle
from leadline.store import claims, prompts
from leadline.store.catalogue import Catalogue, Process
from leadline.store.database import Connection, Database
from leadline.store.rounds import Rounds
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
        self._priorities = [priority for priority in claims.PRIORITIES if (priority == HOT) is hot]
        self._places = asyncio.Semaphore(engine.at_once if engine else 1)
        self._rounds = Rounds("prompts")
        self._known = Catalogue()

    def wake(self) -> None:
        """Look at once: a lead may wait, or the configuration have changed."""
        self._rounds.wake()

    async def run(self) -> None:
        """Work for ever."""
        await self._rounds.run(self._round)

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
        mine = [(priority, process_id) for priority, process_id in ready if priority in self._priorities]
        for priority, process_id in mine:
            if await self._batch(priority, process_id):
                return 0.0
        if mine:
            return LOCKED
        return LONGEST_WAIT if following is None else min(LONGEST_WAIT, max(0.0, (following - now).total_seconds()))

    async def _release(self, connection: Connection, catalogue: Catalogue, processes: Iterable[Process]) -> None:
        """Whenever the configuration has changed, leads of this line that it may have helped are looked at now."""
        if catalogue == self._known:
            return
        now = self._clock.now()
        helped = [p.id for p in processes if not catalogue.organisations[p.organisation_id].speech_lapsed(now)]
        await prompts.release(connection, helped, self._priorities, HOLDING, now)
        self._known = catalogue

    async def _batch(self, priority: int, process_id: int) -> bool:
        """Settle the leads that have waited longest, and make what they lack; False if nothing was to be had."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            taken = await claims.take(connection, DueKind.PROMPT, process_id, priority, now, BATCH)
            missing = await self._settle(connection, process_id, taken, {})
            await claims.postpone(connection, DueKind.PROMPT, [lead for lead, _ in missing], now + LEASE)
        if missing:
            made, failures = await self._make({prompt.key: prompt for _, lacking in missing for prompt in lacking})
            await self._finish(process_id, [lead for lead, _ in missing], made, failures)
        return bool(taken)

    async def _finish(
        self,
        process_id: int,
        waiting: Sequence[Lead],
        made: Mapping[bytes, Pcm],
        failures: Mapping[bytes, SpeechFailure],
    ) -> None:
        """Keep the audio, and settle the leads as they are now; one whose words have changed is taken again at once."""
        async with self._database.transaction() as connection:
            await prompts.write(connection, waiting[0].organisation_id, made, self._clock.now())
        async with self._database.transaction() as connection:
            locked = await prompts.relock(connection, waiting)
            changed = await self._settle(connection, process_id, locked, failures)
            await claims.postpone(connection, DueKind.PROMPT, [lead for lead, _ in changed], self._clock.now())

    async def _settle(
        self, connection: Connection, process_id: int, locked: Sequence[Lead], failures: Mapping[bytes, SpeechFailure]
    ) -> list[tuple[Lead, list[Prompt]]]:
        catalogue = self._catalogue()
        process = catalogue.processes.get(process_id)
        if process is None:
            return []
        organisation = catalogue.organisations[process.organisation_id]
        return await settle(connection, organisation, process, locked, failures, self._clock.now())

    async def _make(self, wanted: Mapping[bytes, Prompt]) -> tuple[dict[bytes, Pcm], dict[bytes, SpeechFailure]]:
        """The audio of each prompt, or why there is none."""
        made: dict[bytes, Pcm] = {}
        failures: dict[bytes, SpeechFailure] = {}

        async def make(key: bytes, prompt: Prompt) -> None:
            async with self._places:
                try:
                    made[key] = await self._speak(prompt)
                except (SpeechUnavailable, SpeechImpossible) as failure:
                    failures[key] = failure
                    log.warning("a prompt could not be made", engine=prompt.engine, reason=str(failure))

        async with asyncio.TaskGroup() as group:
            for key, prompt in wanted.items():
                group.create_task(make(key, prompt))
        return made, failures

    async def _speak(self, prompt: Prompt) -> Pcm:
        if self._engine is None:
            raise SpeechImpossible(f"no speech engine {prompt.engine!r} runs here: name another in speech.engine")
        try:
            return await self._engine.speak(prompt)
        except (SpeechUnavailable, SpeechImpossible):
            raise
        except Exception as error:
            log.exception("a speech engine failed", engine=prompt.engine)
            raise SpeechUnavailable(f"the engine {prompt.engine} failed ({error!r}): the log says where") from error
