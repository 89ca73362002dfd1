"""The agents of a process and the customers who want one: who is reserved for whom, who waits, who is put through."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from leadline.calling.transfer import ENDED, NO_AGENT
from leadline.domain.agent import Presence
from leadline.domain.pacing import Floor
from leadline.simulation.agents import AT_WORK, Agents
from leadline.simulation.call import Call
from leadline.simulation.model import Model
from leadline.simulation.timeline import Timeline
from leadline.simulation.trunks import STRETCH


@dataclass(frozen=True, slots=True)
class Tell:
    """Who is told what becomes of a desk's customers and agents."""

    back: Callable[[Call, str], None]
    """The transfer is over, with what a flow calls its result."""
    written_up: Callable[[Call], None]
    """The agent is done with the customer."""
    gone: Callable[[Call], None]
    """The agent has left for whom a phone rings."""
    ready: Callable[[], None]
    """Somebody may be ready."""


class Desk:
    """Customers of several processes may wait at it, the longest waiting first."""

    def __init__(self, agents: int, model: Model, line: Timeline, random: Random, tell: Tell) -> None:
        self._model, self._line, self._random, self._tell = model, line, random, tell
        self.agents = Agents(agents, STRETCH)
        self._reserved: dict[int, Call] = {}
        self._waiting: dict[Call, float] = {}
        """Since when."""
        self._leaving: set[int] = set()
        """Agents whose break is due."""

    @property
    def floor(self) -> Floor:
        """The agents as pacing sees them."""
        return Floor(self.agents.ready, self.agents.busy, len(self._waiting))

    def open(self) -> None:
        for agent in range(self.agents.count):
            self._plan_break(agent)

    def close(self) -> None:
        self.agents.settle(self._line.at)

    def reserve(self, call: Call) -> bool:
        """The agent who has been ready longest, for a call that is about to be made or has been answered."""
        call.agent = self.agents.reserve(self._line.at)
        if call.agent is not None:
            self._reserved[call.agent] = call
        return call.agent is not None

    def give_back(self, call: Call) -> None:
        """The call came to nothing: its agent is ready for another."""
        if call.agent is not None:
            agent, call.agent = call.agent, None
            del self._reserved[agent]
            self._free(agent)

    def connect(self, call: Call, patience: float) -> None:
        """Put a customer through to the agent who is reserved for them or is ready; they wait for one so long."""
        at = self._line.at
        if call.agent is not None or self.reserve(call):
            self._talk(call, at)
        elif not self.agents.count:
            self._tell.back(call, NO_AGENT)
        else:
            self._waiting[call] = at
            self._line.later(patience, partial(self._give_up, call, at))

    def _give_up(self, call: Call, since: float) -> None:
        if self._waiting.get(call) == since:
            del self._waiting[call]
            self._tell.back(call, NO_AGENT)

    def _talk(self, call: Call, since: float) -> None:
        if (agent := call.agent) is not None:
            del self._reserved[agent]
            call.tally.waits.append(self._line.at - since)
            self.agents.move(agent, Presence.ON_CALL, self._line.at)
            self._line.later(call.reaction.talks, partial(self._hang_up, call, agent))

    def _hang_up(self, call: Call, agent: int) -> None:
        self.agents.move(agent, Presence.WRAP_UP, self._line.at)
        self._line.later(call.reaction.wraps_up, partial(self._done, call, agent))
        call.agent = None
        self._tell.back(call, ENDED)

    def _done(self, call: Call, agent: int) -> None:
        self._tell.written_up(call)
        self._free(agent)
        self._tell.ready()

    def _free(self, agent: int) -> None:
        """An agent is ready, for whoever waits longest; or goes, if their break is due."""
        if agent in self._leaving:
            self._leave(agent)
            return
        self.agents.move(agent, Presence.READY, self._line.at)
        if self._waiting:
            call = next(iter(self._waiting))
            since = self._waiting.pop(call)
            self.reserve(call)
            self._talk(call, since)

    # Breaks

    def _plan_break(self, agent: int) -> None:
        if self._model.breaks is not None:
            self._line.later(self._model.breaks.draw(self._random), partial(self._want_break, agent))

    def _want_break(self, agent: int) -> None:
        self._leaving.add(agent)
        if self.agents.presence(agent) not in AT_WORK:
            self._leave(agent)

    def _leave(self, agent: int) -> None:
        """Go, whoever is being called for them: another may be free when the customer answers."""
        self._leaving.discard(agent)
        if (call := self._reserved.pop(agent, None)) is not None:
            call.agent = None
            self._tell.gone(call)
        self.agents.move(agent, Presence.PAUSED, self._line.at)
        self._line.later(self._model.pause.draw(self._random), partial(self._return, agent))

    def _return(self, agent: int) -> None:
        self._free(agent)
        self._plan_break(agent)
        self._tell.ready()
