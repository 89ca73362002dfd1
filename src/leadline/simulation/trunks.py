"""The trunks of a simulation, which all its processes share: their budgets, and what they had to carry."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from leadline.calling.budget import TrunkBudget
from leadline.domain.eligibility import Route
from leadline.domain.policy import TrunkPolicy
from leadline.simulation.timeline import Timeline

STRETCH: Final = 900.0
"""Seconds of the day that a point of the plots stands for."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that a trunk had to carry."""

    channels: int
    cps: int


@dataclass(slots=True)
class Load:
    """Calls up, the most of them by the stretch of the day, and the most INVITEs of a second."""

    up: int = 0
    most: int = 0
    fastest: int = 0
    by_stretch: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _sent: deque[float] = field(default_factory=deque)

    def invited(self, at: float) -> None:
        self.up += 1
        self.most = max(self.most, self.up)
        stretch = int(at // STRETCH)
        self.by_stretch[stretch] = max(self.by_stretch[stretch], self.up)
        self._sent.append(at)
        while self._sent[0] <= at - 1.0:
            self._sent.popleft()
        self.fastest = max(self.fastest, len(self._sent))


class Trunks:
    """Slots are taken and given back as calls are made and end."""

    def __init__(self, trunks: Iterable[TrunkPolicy], line: Timeline) -> None:
        self._line = line
        self._budgets = {trunk.name: TrunkBudget(trunk.channels, trunk.cps, line.seconds) for trunk in trunks}
        self._loads: defaultdict[str, Load] = defaultdict(Load)
        self.all = Load()

    def room(self, trunks: Iterable[TrunkPolicy]) -> int:
        """How many calls these take now."""
        return sum(self._budgets[trunk.name].free for trunk in trunks)

    def wait(self) -> float | None:
        """Seconds until a full one has a slot by time alone."""
        waits = [wait for each in self._budgets.values() if each.free == 0 and (wait := each.wait) is not None]
        return min(waits, default=None)

    def seize(self, ways: Sequence[Route]) -> Route | None:
        """The first of these ways that has a slot, which its INVITE takes; None if none has."""
        way = next((way for way in ways if self._budgets[way.trunk].reserve()), None)
        if way is not None:
            self._budgets[way.trunk].sent()
            self._loads[way.trunk].invited(self._line.at)
            self.all.invited(self._line.at)
        return way

    def release(self, trunk: str) -> None:
        """A call over it has ended."""
        self._budgets[trunk].release()
        self._loads[trunk].up -= 1
        self.all.up -= 1

    def peaks(self) -> dict[str, Peak]:
        return {trunk: Peak(load.most, load.fastest) for trunk, load in sorted(self._loads.items())}
