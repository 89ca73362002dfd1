"""Virtual time: what is to happen, in its order, without waiting for it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from zoneinfo import ZoneInfo


class Timeline:
    """Moments to come, earliest first; of those at one instant, first planned first."""

    def __init__(self, begins: datetime) -> None:
        self._begins = begins
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._turn = 0
        self.at = 0.0
        """Seconds since the beginning."""
        self.now = begins

    @property
    def today(self) -> int:
        """The day's ordinal in UTC, as the live dialer counts it."""
        return self.now.toordinal()

    def hour(self, zone: str, at: float | None = None) -> int:
        """The hour of the day in a zone, now or at another time."""
        return (self.now if at is None else self.moment(at)).astimezone(ZoneInfo(zone)).hour

    def moment(self, at: float) -> datetime:
        return self._begins + timedelta(seconds=at)

    def seconds(self) -> float:
        return self.at

    def instant(self, seconds: float) -> float:
        """When so much time will have passed. Instants are whole microseconds, as those of the calendar are."""
        return round(self.at + seconds, 6)

    def later(self, seconds: float, happens: Callable[[], None]) -> float:
        """Plan something; returns when."""
        self._turn += 1
        at = self.instant(seconds)
        heappush(self._heap, (at, self._turn, happens))
        return at

    def step(self) -> bool:
        """Go on to the next moment; False if there is none."""
        if not self._heap:
            return False
        self.at, _, happens = heappop(self._heap)
        self.now = self.moment(self.at)
        happens()
        return True
