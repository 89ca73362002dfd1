"""What came of a simulation: figures for tables, and their course through the day for plots."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Final

from leadline.domain.agent import Presence
from leadline.domain.attempt import Outcome
from leadline.domain.lead import ClosedReason
from leadline.simulation.agents import Agents
from leadline.simulation.tally import Tally
from leadline.simulation.timeline import Timeline
from leadline.simulation.trunks import STRETCH, Peak


@dataclass(frozen=True, slots=True)
class Waits:
    """How long something took, in seconds."""

    count: int
    mean: float
    p90: float
    longest: float
    waited: int
    """How often it took any time at all."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the agents' time went to, as shares of it."""

    on_call: float
    wrap_up: float
    ready: float
    reserved: float
    away: float


@dataclass(frozen=True, slots=True)
class Point:
    """A stretch of the day."""

    at: datetime
    calls: int
    answered: int
    abandoned: int
    agents: float
    """Agents on calls or writing up, on average."""
    channels: int
    """The most at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A simulated day: of one process, or of all together."""

    name: str
    mode: str
    zone: str
    """In which its times are to be read."""
    leads: int
    pushed: int
    """Of the leads, those that came during the day."""
    agents: int
    began: datetime | None
    """When the first phone rang."""
    finished: datetime | None
    """When the last lead was closed; None if some were not."""
    left_open: int
    closed: Mapping[ClosedReason, int]
    attempts: Mapping[Outcome, int]
    dispositions: Mapping[str, int]
    abandoned: int
    served: int
    """Customers who talked to an agent, or to a number that they were transferred to."""
    unserved: int
    """Customers who were to talk to one, and nobody came."""
    callbacks: int
    """Calls that the flow has promised."""
    refused: int
    """Customers who have asked not to be called."""
    waits: Waits
    """For an agent, of those who got one."""
    late: Mapping[str, Waits]
    """From when customers wanted to be called to when their phone rang, by the number of the call type."""
    use: Use
    peaks: Mapping[str, Peak]
    """Of the trunks, which all processes share: of a process among several there is none."""
    course: tuple[Point, ...]
    processes: tuple["Result", ...] = ()
    """Each process, where there are several; their sum is this."""

    @property
    def calls(self) -> int:
        return sum(self.attempts.values())

    @property
    def answered(self) -> int:
        return self.attempts.get(Outcome.ANSWERED, 0)

    @property
    def abandonment(self) -> float:
        """Share of the answered calls that was abandoned."""
        return self.abandoned / self.answered if self.answered else 0.0


def result_of(
    name: str,
    mode: str,
    zone: str,
    tally: Tally,
    agents: Collection[Agents],
    line: Timeline,
    peaks: Mapping[str, Peak] | None = None,
    processes: tuple[Result, ...] = (),
) -> Result:
    """The figures of a day that is over."""
    closed = sum(tally.closed.values())
    left_open = tally.leads - closed
    return Result(
        name=name,
        mode=mode,
        zone=zone,
        leads=tally.leads,
        pushed=tally.pushed,
        agents=sum(each.count for each in agents),
        began=None if tally.first is None else line.moment(tally.first),
        finished=line.moment(tally.last_closed) if closed and not left_open else None,
        left_open=left_open,
        closed=dict(sorted(tally.closed.items())),
        attempts=dict(sorted(tally.attempts.items())),
        dispositions=dict(sorted(tally.dispositions.items())),
        abandoned=tally.abandoned,
        served=len(tally.waits),
        unserved=tally.unserved,
        callbacks=tally.promised,
        refused=tally.refused,
        waits=_waits(tally.waits),
        late={str(int(calltype)): _waits(seconds) for calltype, seconds in sorted(tally.late.items())},
        use=_use(agents, tally.first or 0.0),
        peaks=peaks or {},
        course=_course(tally, agents, line),
        processes=processes,
    )


def _waits(seconds: Sequence[float]) -> Waits:
    waits = sorted(seconds)
    if not waits:
        return Waits(0, 0.0, 0.0, 0.0, 0)
    p90 = waits[ceil(0.9 * len(waits)) - 1]
    return Waits(len(waits), sum(waits) / len(waits), p90, waits[-1], sum(wait > 0.0 for wait in waits))


def _course(tally: Tally, agents: Collection[Agents], line: Timeline) -> tuple[Point, ...]:
    stretches = sorted({*tally.calls, *tally.answered, *tally.gone, *(at for each in agents for at in each.worked)})
    if not stretches:
        return ()
    return tuple(
        Point(
            line.moment(stretch * STRETCH),
            tally.calls[stretch],
            tally.answered[stretch],
            tally.gone[stretch],
            sum(each.worked.get(stretch, 0.0) for each in agents) / STRETCH,
            tally.load.by_stretch.get(stretch, 0),
        )
        for stretch in range(stretches[0], stretches[-1] + 1)
    )


def _use(agents: Collection[Agents], first: float) -> Use:
    """Shares of the time since the first phone rang."""
    seconds = {shared: sum(each.seconds.get(shared, 0.0) for each in agents) for shared in _SHARED}
    # Before the first call all were ready, or away.
    idle = first * sum(each.count for each in agents)
    seconds[Presence.READY] = max(0.0, seconds[Presence.READY] - idle)
    total = sum(seconds.values()) or 1.0
    return Use(*(seconds[shared] / total for shared in _SHARED))


_SHARED: Final = (Presence.ON_CALL, Presence.WRAP_UP, Presence.READY, Presence.RESERVED, Presence.PAUSED)
"""In the order of `Use`."""
