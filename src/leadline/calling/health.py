"""How each trunk stands, as this worker finds it: by its calls, and by asking it with OPTIONS now and then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import structlog

from leadline.clock import Clock
from leadline.domain.attempt import Outcome
from leadline.domain.breaker import Breaker, Health
from leadline.domain.policy import TrunkPolicy
from leadline.store import trunks
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.store.rounds import Rounds
from leadline.store.trunks import Found

log = structlog.get_logger()

PROBE_EVERY: Final = 30.0
"""Seconds between two probes of a trunk that answers."""
PROBE_AGAIN: Final = 5.0
"""Seconds after a probe that was not answered."""

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
        self._registration: dict[str, str | None] = {}
        """Of trunks that we register with, what is missing."""
        self._told: dict[str, Health] = {}
        self._unwritten: dict[str, Found] = {}
        self._probes: dict[str, asyncio.Task[None]] = {}
        self._next_probe: dict[str, float] = {}
        self._rounds = Rounds("trunks")

    def allows(self, trunk: str) -> int | None:
        """How many calls may be begun over a trunk; None: any number."""
        return self._of(trunk).allows(_now())

    def wait(self, trunk: str) -> float | None:
        """Seconds until a trunk that is down may be tried; None if it is not down."""
        until = self._of(trunk).down_until
        return None if until is None or until <= _now() else until - _now()

    def began(self, trunk: str, attempt: UUID) -> None:
        """A call leaves over a trunk."""
        self._set(trunk, self._of(trunk).began(attempt, _now()))

    def ended(self, trunk: str, attempt: UUID, outcome: Outcome | None) -> None:
        """A call over a trunk has ended; None if nobody knows how."""
        self._set(trunk, self._of(trunk).ended(attempt, outcome, _now()))

    def lacks(self, trunk: TrunkPolicy) -> bool:
        """Whether we should be registered with a trunk, and are not."""
        return trunk.register and self._registration.get(trunk.name, "nothing is known yet") is not None

    def registered(self, trunk: str, missing: str | None) -> None:
        """A trunk that we register with has taken it, or has not, and why."""
        self._registration[trunk] = missing
        self._say(trunk)

    async def run(self) -> None:
        """Probe, and keep what has changed, until cancelled."""
        try:
            await self._rounds.run(self._look)
        finally:
            for task in self._probes.values():
                task.cancel()

    async def _look(self) -> float:
        now = _now()
        for trunk in self._catalogue().trunks.values():
            self._say(trunk.name)
            if trunk.options and trunk.name not in self._probes and self._next_probe.get(trunk.name, 0.0) <= now:
                self._begin_probe(trunk)
        await self._write()
        waits = [at - now for at in self._next_probe.values()]
        waits += [wait for name in self._breakers if (wait := self.wait(name)) is not None]
        return max(0.05, min([PROBE_EVERY, *waits]))

    async def _write(self) -> None:
        batch = dict(self._unwritten)
        if not batch:
            return
        async with self._database.connection() as connection:
            if await trunks.write_health(connection, self._worker, list(batch.values())):
                self._unwritten = {name: found for name, found in self._unwritten.items() if batch.get(name) != found}

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
            self._set(trunk.name, was.probed(_now(), answered=answered))
            self._next_probe[trunk.name] = _now() + (PROBE_EVERY if answered else PROBE_AGAIN)
            if not answered and not was.answered and not was.silences:
                log.info("a trunk has not answered OPTIONS: it is judged by its calls alone", trunk=trunk.name)

        self._probes[trunk.name] = asyncio.create_task(ask(), name=f"OPTIONS to {trunk.name}")

    def _of(self, trunk: str) -> Breaker:
        return self._breakers.get(trunk, _UNKNOWN)

    def _set(self, trunk: str, breaker: Breaker) -> None:
        self._breakers[trunk] = breaker
        self._say(trunk)

    def _say(self, trunk: str) -> None:
        """Log, keep and hand on that a trunk stands otherwise than was told last."""
        breaker, missing = self._of(trunk), self._registration.get(trunk)
        health = breaker.health(_now()) if missing is None else Health.DOWN
        reason = missing or breaker.reason
        if health is self._told.get(trunk, Health.UP):
            return
        self._told[trunk] = health
        match health:
            case Health.DOWN:
                log.error(
                    "a trunk is down: nothing is dialed over it until it is tried again", trunk=trunk, reason=reason
                )
            case Health.TRIAL:
                log.warning("a trunk that was down is tried with one call", trunk=trunk)
            case Health.UP:
                log.info("a trunk is up again", trunk=trunk)
        self._unwritten[trunk] = Found(trunk, health, reason, self._clock.now())
        self._rounds.wake()
        self._changed()


def _now() -> float:
    return asyncio.get_running_loop().time()


_UNKNOWN: Final = Breaker()
