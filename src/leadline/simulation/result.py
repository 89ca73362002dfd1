"""What came of a simulation: figures for tables, and their course through the day for plots."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Final

from leadline.domain.agent import Presence
from leadline.domain.attempt import Outcome
from leadline.domain.lead import ClosedReason
from leadline.simulation.agents import Agents
from leadline.simulation.scenario import Scenario
from leadline.simulation.timeline import Timeline

STRETCH: Final = 900.0
"""Seconds of the day that a point of the plots stands for."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long those who were put through to an agent had waited for one, in seconds."""

    mean: float
    p90: float
    longest: float
    waited: int
    """How many waited at all."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the agents' time went to, as shares of it."""

    on_call: float
    wrap_up: float
    ready: float
    reserved: float
    away: float


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that a trunk had to carry."""

    channels: int
    cps: int


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


@dataclass(frozen=True, slots=True)
class Result:
    """A simulated day."""

    name: str
    mode: str
    leads: int
    agents: int
    began: datetime | None
    """When the first phone rang."""
    finished: datetime | None
    """When the last lead was closed; None if some were not."""
    left_open: int
    closed: Mapping[ClosedReason, int]
    attempts: Mapping[Outcome, int]
    abandoned: int
    served: int
    """Customers who talked to an agent."""
    waits: Waits
    use: Use
    peaks: Mapping[str, Peak]
    course: tuple[Point, ...]

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


@dataclass(slots=True)
class Tally:
    """What is counted while the simulation runs; times are seconds since its beginning."""

    scenario: Scenario
    attempts: Counter[Outcome] = field(default_factory=Counter)
    closed: Counter[ClosedReason] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    abandoned: int = 0
    first: float | None = None
    last_closed: float = 0.0
    _calls: Counter[int] = field(default_factory=Counter)
    _answered: Counter[int] = field(default_factory=Counter)
    _abandoned: Counter[int] = field(default_factory=Counter)
    _channels: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _up: int = 0
    _trunks: dict[str, "_Load"] = field(default_factory=dict)

    def invited(self, trunk: str, at: float) -> None:
        stretch = int(at // STRETCH)
        self.first = at if self.first is None else self.first
        self._calls[stretch] += 1
        self._up += 1
        self._channels[stretch] = max(self._channels[stretch], self._up)
        self._trunks.setdefault(trunk, _Load()).invited(at)

    def hung_up(self, trunk: str) -> None:
        self._up -= 1
        self._trunks[trunk].up -= 1

    def answer(self, at: float) -> None:
        self._answered[int(at // STRETCH)] += 1

    def abandon(self, at: float) -> None:
        self.abandoned += 1
        self._abandoned[int(at // STRETCH)] += 1

    def close(self, reason: ClosedReason, at: float) -> None:
        self.closed[reason] += 1
        self.last_closed = at

    def waited(self) -> Waits:
        waits = sorted(self.waits)
        if not waits:
            return Waits(0.0, 0.0, 0.0, 0)
        p90 = waits[ceil(0.9 * len(waits)) - 1]
        return Waits(sum(waits) / len(waits), p90, waits[-1], sum(wait > 0.0 for wait in waits))

    def peaks(self) -> dict[str, Peak]:
        return {trunk: Peak(load.most, load.fastest) for trunk, load in sorted(self._trunks.items())}

    def course(self, worked: Mapping[int, float], moment: Callable[[float], datetime]) -> tuple[Point, ...]:
        stretches = sorted({*self._calls, *self._answered, *self._abandoned, *worked})
        if not stretches:
            return ()
        return tuple(
            Point(
                moment(stretch * STRETCH),
                self._calls[stretch],
                self._answered[stretch],
                self._abandoned[stretch],
                worked.get(stretch, 0.0) / STRETCH,
                self._channels.get(stretch, 0),
            )
            for stretch in range(stretches[0], stretches[-1] + 1)
        )


@dataclass(slots=True)
class _Load:
    """A trunk's calls up, its INVITEs of the last second, and the most of both."""

    up: int = 0
    most: int = 0
    fastest: int = 0
    _sent: deque[float] = field(default_factory=deque)

    def invited(self, at: float) -> None:
        self.up += 1
        self.most = max(self.most, self.up)
        self._sent.append(at)
        while self._sent[0] <= at - 1.0:
            self._sent.popleft()
        self.fastest = max(self.fastest, len(self._sent))


def result_of(tally: Tally, agents: Agents, line: Timeline) -> Result:
    """The figures of a day that is over."""
    scenario = tally.scenario
    closed = sum(tally.closed.values())
    left_open = scenario.leads - closed
    return Result(
        name=scenario.name,
        mode=scenario.mode,
        leads=scenario.leads,
        agents=scenario.agents,
        began=None if tally.first is None else line.moment(tally.first),
        finished=line.moment(tally.last_closed) if closed and not left_open else None,
        left_open=left_open,
        closed=dict(sorted(tally.closed.items())),
        attempts=dict(sorted(tally.attempts.items())),
        abandoned=tally.abandoned,
        served=len(tally.waits),
        waits=tally.waited(),
        use=_use(agents, tally.first or 0.0),
        peaks=tally.peaks(),
        course=tally.course(agents.worked, line.moment),
    )


def _use(agents: Agents, first: float) -> Use:
    """Shares of the time since the first phone rang."""
    seconds = dict(agents.seconds)
    # Before the first call all were ready, or away.
    seconds[Presence.READY] = max(0.0, seconds.get(Presence.READY, 0.0) - first * agents.count)
    total = sum(seconds.values()) or 1.0
    return Use(*(seconds.get(presence, 0.0) / total for presence in _SHARED))


_SHARED: Final = (Presence.ON_CALL, Presence.WRAP_UP, Presence.READY, Presence.RESERVED, Presence.PAUSED)
"""In the order of `Use`."""
