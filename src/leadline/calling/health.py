"""How each trunk stands: found out by the calls of every worker, and by asking it with OPTIONS now and then.

What brings a trunk down each worker finds for itself; that it is down, and who tries it, all of them know from the
database, also one that has just started.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog

from leadline.clock import Clock
from leadline.domain.attempt import Outcome
from leadline.domain.breaker import Breaker, Health
from leadline.domain.policy import TrunkPolicy
from leadline.store import circuits, trunks
from leadline.store.catalogue import Catalogue
from leadline.store.circuits import Known
from leadline.store.database import Database
from leadline.store.rounds import Rounds
from leadline.store.trunks import Found

log = structlog.get_logger()

PROBE_EVERY: Final = 30.0
"""Seconds between two probes of a trunk that answers."""
PROBE_AGAIN: Final = 5.0
"""Seconds after a probe that was not answered."""
TRIAL: Final = 15.0
"""Seconds for which a worker has a trunk to try; renewed while the call lasts."""
OTHERS_FIRST: Final = 1.0
"""Seconds after which a worker that had no call to try a trunk with asks again."""

Probe = Callable[[TrunkPolicy], Awaitable[bool] | None]
"""Ask a trunk whether it is there; None if it cannot be asked."""


class TrunkHealth:
    """The circuit breakers of all trunks, fed with what calls and probes say; changes are logged and kept."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        worker: str,
        catalogue: Callable[[], Catalogue],
        probe: Probe,
        changed: Callable[[], None],
    ) -> None:
        self._database, self._clock, self._worker = database, clock, worker
        self._catalogue, self._probe, self._changed = catalogue, probe, changed
        self._breakers: dict[str, Breaker] = {}
        self._unwritten: set[str] = set()
        """Trunks of whose circuit we know better than the database."""
        self._known: Mapping[str, Known] = {}
        self._try_at: dict[str, float] = {}
        self._registration: dict[str, str | None] = {}
        """Of trunks that we register with, what is missing."""
        self._registration_unwritten: dict[str, Found] = {}
        self._told: dict[str, Health] = {}
        self._probes: dict[str, asyncio.Task[None]] = {}
        self._next_probe: dict[str, float] = {}
        self._rounds = Rounds("trunks")

    def allows(self, trunk: str) -> int | None:
        """How many calls may be begun over a trunk; None: any number."""
        return self._of(trunk).allows(_now())

    def wait(self, trunk: str) -> float | None:
        """Seconds until a trunk that is down may be tried; None if it is not down."""
        circuit = self._of(trunk).circuit
        return None if circuit is None or circuit.until <= _now() else circuit.until - _now()

    def began(self, trunk: str, attempt: UUID) -> None:
        """A call leaves over a trunk."""
        self._breakers[trunk] = self._of(trunk).began(attempt, _now())

    def carried(self, trunk: str, attempt: UUID) -> None:
        """A call over a trunk was answered."""
        self._find(trunk, self._of(trunk).carried(attempt))

    def ended(self, trunk: str, attempt: UUID, outcome: Outcome | None, *, unheard: bool = False) -> None:
        """A call over a trunk has ended; None if nobody knows how. `unheard`: nothing at all came back to it."""
        self._find(trunk, self._of(trunk).ended(attempt, outcome, _now(), unheard=unheard))

    def lacks(self, trunk: TrunkPolicy) -> bool:
        """Whether we should be registered with a trunk, and are not."""
        return trunk.register and self._registration.get(trunk.name, "nothing is known yet") is not None

    def registered(self, trunk: str, missing: str | None) -> None:
        """A trunk that we register with has taken it, or has not, and why."""
        if self._registration.get(trunk, "") == missing:
            return
        self._registration[trunk] = missing
        if missing is None:
            log.info("registered with a trunk", trunk=trunk)
        else:
            log.error("nothing is dialed over a trunk that we are not registered with", trunk=trunk, reason=missing)
        state = Health.UP if missing is None else Health.DOWN
        self._registration_unwritten[trunk] = Found(trunk, state, missing or "", self._clock.now())
        self._rounds.wake()
        self._changed()

    def wake(self) -> None:
        """Look at once: another worker has found something out."""
        self._rounds.wake()

    async def run(self) -> None:
        """Probe, try, and keep what has changed, until cancelled."""
        try:
            await self._rounds.run(self._look)
        finally:
            for task in self._probes.values():
                task.cancel()

    async def _look(self) -> float:
        await self._write()
        async with self._database.connection() as connection:
            self._known = await circuits.read(connection)
        self._learn()
        await self._try()
        now = _now()
        for trunk in self._catalogue().trunks.values():
            if trunk.options and trunk.name not in self._probes and self._next_probe.get(trunk.name, 0.0) <= now:
                self._begin_probe(trunk)
        waits = [at - now for at in self._next_probe.values()]
        waits += [at - now for at in self._try_at.values()]
        return max(0.05, min([PROBE_EVERY, *waits]))

    # The circuits that all workers share

    async def _write(self) -> None:
        for trunk in list(self._unwritten):
            circuit = self._of(trunk).circuit
            async with self._database.connection() as connection:
                if self._of(trunk).answered:
                    await circuits.answered(connection, trunk)
                if circuit is None:
                    await circuits.up(connection, self._worker, trunk)
                else:
                    await circuits.down(connection, self._worker, trunk, circuit)
            if self._of(trunk).circuit == circuit:
                self._unwritten.discard(trunk)
        batch = dict(self._registration_unwritten)
        if batch:
            async with self._database.connection() as connection:
                if await trunks.write_health(connection, self._worker, list(batch.values())):
                    left = {name: found for name, found in self._registration_unwritten.items()
                            if batch.get(name) != found}  # fmt: skip
                    self._registration_unwritten = left

    def _learn(self) -> None:
        """Take what is known to all for what is, but where we have found out otherwise since."""
        now = _now()
        for name in self._catalogue().trunks.keys() - self._unwritten:
            known, was = self._known.get(name, _NOTHING), self._of(name)
            circuit = replace(known.circuit, until=now + known.circuit.until) if known.circuit else None
            breaker = was.told(circuit, answered=known.answered, ours=known.trial == self._worker)
            if circuit and circuit.by_silence and not was.circuit:
                self._next_probe[name] = now  # perhaps it is not the trunk that is cut off, but who said so
            self._set(name, breaker)

    async def _try(self) -> None:
        """Have those trunks to try whose time has come and that nobody else tries."""
        self._try_at = {}
        for trunk in self._catalogue().trunks.values():
            name, now = trunk.name, _now()
            breaker = self._of(name)
            if breaker.circuit is None or name in self._unwritten:
                continue
            at = breaker.circuit.until
            known = self._known.get(name, _NOTHING)
            if breaker.trial_until is not None:
                at = breaker.trial_until + (OTHERS_FIRST if breaker.trial is None else -TRIAL * 2 / 3)
            elif known.trial != self._worker and known.trial_ends is not None:
                at = max(at, now + known.trial_ends)
            if at <= now:
                at = now + (TRIAL / 3 if await self._take(trunk) else OTHERS_FIRST)
            self._try_at[name] = at

    async def _take(self, trunk: TrunkPolicy) -> bool:
        if self.lacks(trunk):
            return False
        until = _now() + TRIAL
        async with self._database.connection() as connection:
            if not await circuits.take_trial(connection, self._worker, trunk.name, TRIAL):
                return False
        if self._of(trunk.name).circuit is not None:
            self._set(trunk.name, self._of(trunk.name).tries(until))
            self._changed()
        return True

    # What this worker finds out

    def _begin_probe(self, trunk: TrunkPolicy) -> None:
        asking = self._probe(trunk)
        self._next_probe[trunk.name] = _now() + PROBE_EVERY
        if asking is None:
            return

        async def ask() -> None:
            try:
                answered = await asking
            finally:
                del self._probes[trunk.name]
            was = self._of(trunk.name)
            self._find(trunk.name, was.probed(_now(), answered=answered))
            self._next_probe[trunk.name] = _now() + (PROBE_EVERY if answered else PROBE_AGAIN)
            self._rounds.wake()
            if not answered and not was.answered and not was.silences:
                log.info("a trunk has not answered OPTIONS: it is judged by its calls alone", trunk=trunk.name)

        self._probes[trunk.name] = asyncio.create_task(ask(), name=f"OPTIONS to {trunk.name}")

    def _find(self, trunk: str, breaker: Breaker) -> None:
        """We have found something out; others are told, if it means something to them."""
        was = self._of(trunk)
        self._set(trunk, breaker)
        if breaker.circuit != was.circuit or breaker.answered != was.answered:
            self._unwritten.add(trunk)
            self._rounds.wake()

    def _of(self, trunk: str) -> Breaker:
        return self._breakers.get(trunk, _UNKNOWN)

    def _set(self, trunk: str, breaker: Breaker) -> None:
        """Keep how a trunk stands, and say if it stands otherwise than was told last."""
        self._breakers[trunk] = breaker
        health = breaker.health(_now())
        if health is self._told.get(trunk, Health.UP):
            return
        self._told[trunk] = health
        match health:
            case Health.DOWN:
                log.error("a trunk is down: nothing is dialed over it until it is tried again",
                          trunk=trunk, reason=breaker.reason, seconds=round(self.wait(trunk) or 0.0))  # fmt: skip
            case Health.TRIAL:
                log.warning("a trunk that was down is tried with one call", trunk=trunk)
            case Health.UP:
                log.info("a trunk is up again", trunk=trunk)
        self._changed()


def _now() -> float:
    return asyncio.get_running_loop().time()


_UNKNOWN: Final = Breaker()
_NOTHING: Final = Known(None, answered=False, trial=None, trial_ends=None)
