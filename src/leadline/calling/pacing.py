"""Dialing ahead, live: how many calls a predictive process may begin now, and what is measured of those it made.

All of it is in PostgreSQL: the workers on one database share it, and a restart forgets nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadline.domain import pacing
from leadline.domain.pacing import Measures
from leadline.domain.policy import Mode
from leadline.store import pacing as store
from leadline.store.catalogue import Process


async def room(connection: Any, process: Process, now: datetime) -> int:
    """How many calls to begin; nobody else begins any ahead of these agents until the transaction ends."""
    organisation_id, policy, today = process.organisation_id, process.policy, _day(now)
    await store.alone(connection, organisation_id)
    current = await store.now(connection, organisation_id, process.id, policy.users)
    measures = await store.measures(connection, process.id, today)
    wanted = pacing.wanted(policy.mode, current.floor, measures, today, policy.pacing.abandonment_cap)
    return 0 if wanted is None else max(0, wanted - current.ringing)


async def standings(connection: Any, processes: Iterable[Process], now: datetime) -> Mapping[int, Mapping[str, float]]:
    """What each of these that dials ahead does so by, and what has come of it."""
    ahead = {process.id: process.policy.pacing for process in processes if Meter(process).runs}
    measured = await store.of_processes(connection, list(ahead), _day(now))
    return {
        number: _standing(measured.get(number, Measures()), rules.abandonment_cap, _day(now))
        for number, rules in ahead.items()
    }


def _standing(measures: Measures, cap: float, today: int) -> Mapping[str, float]:
    total = pacing.over_the_days(measures, today)
    return {
        "calls": measures.calls,
        "answer_rate": measures.rate,
        "ring": measures.ring,
        "handling": measures.handling,
        "answered": total.answered,
        "abandoned": total.abandoned,
        "abandonment": total.abandoned / total.answered if total.answered else 0.0,
        "abandonment_cap": cap,
        "room": pacing.room_under_cap(measures, today, cap),
    }


@dataclass(frozen=True, slots=True)
class Meter:
    """Measures the calls of one process, if that dials ahead; each is told in the transaction of what it tells of."""

    process: Process

    @property
    def runs(self) -> bool:
        return self.process.policy.mode is Mode.PREDICTIVE

    async def answered(self, connection: Any, now: datetime, rang: float) -> None:
        """A customer has answered, after so many seconds."""
        day = _day(now)
        await self._measure(connection, day, lambda past: pacing.rung(past, answered=True, seconds=rang, day=day))

    async def abandoned(self, connection: Any, now: datetime) -> None:
        """Nobody has spoken to a customer in time."""
        day = _day(now)
        await self._measure(connection, day, lambda past: pacing.abandoned(past, day))

    async def ended(
        self, connection: Any, now: datetime, *, rang: float | None = None, talked: timedelta | None = None
    ) -> None:
        """A call is over: the seconds that it rang without an answer, and how long an agent has talked."""
        day = _day(now)
        if rang is not None:
            await self._measure(connection, day, lambda past: pacing.rung(past, answered=False, seconds=rang, day=day))
        if talked is not None:
            seconds = (talked + self.process.policy.agents.wrap_up).total_seconds()
            await self._measure(connection, day, lambda past: pacing.handled(past, seconds))

    async def _measure(self, connection: Any, day: int, change: Callable[[Measures], Measures]) -> None:
        if self.runs:
            organisation_id, process_id = self.process.organisation_id, self.process.id
            past = await store.locked(connection, organisation_id, process_id, day)
            await store.write(connection, organisation_id, process_id, change(past), day)


def _day(now: datetime) -> int:
    """Days are counted in UTC, the clock's own."""
    return now.toordinal()
