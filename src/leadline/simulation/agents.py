"""The agents of a simulation: where each is, by the moves of `domain/agent.py`, and for how long."""

from collections import defaultdict, deque

from leadline.domain.agent import Presence, advance

AT_WORK = (Presence.ON_CALL, Presence.WRAP_UP)


class Agents:
    """All are ready at first; of those who are, the longest idle is taken first."""

    def __init__(self, count: int, bucket: float) -> None:
        self.count = count
        self._presence = [Presence.READY] * count
        self._since = [0.0] * count
        self._ready = deque(range(count))
        self._bucket = bucket
        self.seconds: defaultdict[Presence, float] = defaultdict(float)
        self.worked: defaultdict[int, float] = defaultdict(float)
        """Seconds on calls and writing up, of all agents, by the stretch of the day."""
        self.busy = 0

    @property
    def ready(self) -> int:
        return len(self._ready)

    def presence(self, agent: int) -> Presence:
        return self._presence[agent]

    def reserve(self, at: float) -> int | None:
        """The agent who has been ready longest, reserved for a customer."""
        if not self._ready:
            return None
        agent = self._ready[0]
        self.move(agent, Presence.RESERVED, at)
        return agent

    def move(self, agent: int, wanted: Presence, at: float) -> None:
        """Raises IllegalMove where `domain/agent.py` has no such move."""
        before = self._presence[agent]
        after = advance(before, wanted)
        self._account(agent, at)
        self._presence[agent] = after
        self.busy += (after in AT_WORK) - (before in AT_WORK)
        if before is Presence.READY:
            self._ready.remove(agent)
        if after is Presence.READY:
            self._ready.append(agent)

    def settle(self, at: float) -> None:
        """Count the time up to now."""
        for agent in range(len(self._presence)):
            self._account(agent, at)

    def _account(self, agent: int, at: float) -> None:
        since, presence = self._since[agent], self._presence[agent]
        self.seconds[presence] += at - since
        self._since[agent] = at
        if presence not in AT_WORK:
            return
        while since < at:
            stretch = int(since // self._bucket)
            ends = min(at, (stretch + 1) * self._bucket)
            self.worked[stretch] += ends - since
            since = ends
