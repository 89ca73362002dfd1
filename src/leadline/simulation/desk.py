"""Where customers meet agents: who is reserved for whom, who waits, who is abandoned; and what pacing is told of it."""

from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from leadline.domain import pacing
from leadline.domain.agent import Presence
from leadline.domain.pacing import AGENT_WITHIN, Floor, Measures
from leadline.domain.policy import Mode
from leadline.simulation.agents import AT_WORK, Agents
from leadline.simulation.call import Call
from leadline.simulation.result import STRETCH, Tally
from leadline.simulation.scenario import Scenario
from leadline.simulation.timeline import Timeline

RESERVING: Final = frozenset({Mode.PREVIEW, Mode.PROGRESSIVE})
"""Modes in which each call has its agent before the phone rings."""


class Desk:
    """`over` is told when a call has ended, `look` when an agent is ready."""

    def __init__(
        self,
        scenario: Scenario,
        line: Timeline,
        tally: Tally,
        over: Callable[[Call], None],
        look: Callable[[], None],
    ) -> None:
        self._scenario, self._model, self._line, self._tally = scenario, scenario.model, line, tally
        self._over, self._look = over, look
        self.agents = Agents(scenario.agents, STRETCH)
        self._measures = Measures()
        self._ahead = 0
        """Calls that ring and have no agent yet."""
        self._reserved: dict[int, Call] = {}
        self._waiting: deque[Call] = deque()
        self._leaving: set[int] = set()
        """Agents whose break is due."""
        self._random = Random(scenario.seed)  # noqa: S311  (a simulation is to be repeatable)
        self._patience = (self._model.greeting + AGENT_WITHIN).total_seconds()

    def open(self) -> None:
        for agent in range(self._scenario.agents):
            self._plan_break(agent)

    def close(self) -> None:
        self.agents.settle(self._line.at)

    def wanted(self) -> int | None:
        """How many more calls to begin; None is as many as the trunks take."""
        scenario = self._scenario
        floor = Floor(self.agents.ready, self.agents.busy, len(self._waiting))
        wanted = pacing.wanted(scenario.mode, floor, self._measures, self._line.today, scenario.cap)
        return None if wanted is None else wanted - self._ahead

    def reserve(self, call: Call) -> None:
        """An agent for a call that is about to be made, where the mode has one."""
        if self._scenario.mode in RESERVING:
            self._take(call)

    def lacks(self, call: Call) -> bool:
        """Whether the call was to have an agent before it is made, who is gone."""
        return self._scenario.mode in RESERVING and call.agent is None

    def give_back(self, call: Call) -> None:
        """The call came to nothing: its agent is ready for another."""
        if call.agent is not None:
            agent, call.agent = call.agent, None
            del self._reserved[agent]
            self._free(agent)

    def _take(self, call: Call) -> bool:
        """Reserve the agent who has been ready longest."""
        call.agent = self.agents.reserve(self._line.at)
        if call.agent is not None:
            self._reserved[call.agent] = call
        return call.agent is not None

    def ring(self, call: Call) -> None:
        if call.agent is None:
            self._ahead += 1
            call.is_ahead = True

    def rung(self, call: Call, *, answered: bool) -> None:
        """The phone has stopped ringing: who answered is put through, or waits."""
        line = self._line
        self._ahead -= call.is_ahead
        self._measures = pacing.rung(self._measures, answered=answered, seconds=call.reaction.rings, day=line.today)
        if not answered:
            self.give_back(call)
            return
        self._tally.answer(line.at)
        if self._scenario.mode is Mode.MESSAGE:
            return
        call.answered_at = line.at
        if call.agent is not None or self._take(call):
            self._talk(call)
        else:
            self._waiting.append(call)
            line.later(self._patience, partial(self._give_up, call))

    def _give_up(self, call: Call) -> None:
        """Nobody came in time: the customer hears who called, and the call ends."""
        if call not in self._waiting:
            return
        self._waiting.remove(call)
        self._tally.abandon(self._line.at)
        self._measures = pacing.abandoned(self._measures, self._line.today)
        self._line.later(call.reaction.listens, partial(self._end, call))

    def _talk(self, call: Call) -> None:
        if (agent := call.agent) is not None:
            del self._reserved[agent]
            self._tally.waits.append(self._line.at - call.answered_at)
            self.agents.move(agent, Presence.ON_CALL, self._line.at)
            self._line.later(call.reaction.talks, partial(self._hang_up, call, agent))

    def _hang_up(self, call: Call, agent: int) -> None:
        self.agents.move(agent, Presence.WRAP_UP, self._line.at)
        self._line.later(call.reaction.wraps_up, partial(self._done, call, agent))
        self._end(call)

    def _end(self, call: Call) -> None:
        self._over(call)
        self._look()

    def _done(self, call: Call, agent: int) -> None:
        self._measures = pacing.handled(self._measures, call.reaction.talks + call.reaction.wraps_up)
        self._free(agent)
        self._look()

    def _free(self, agent: int) -> None:
        """An agent is ready, for whoever waits longest; or goes, if their break is due."""
        if agent in self._leaving:
            self._leave(agent)
            return
        self.agents.move(agent, Presence.READY, self._line.at)
        if self._waiting:
            call = self._waiting.popleft()
            self._take(call)
            self._talk(call)

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
            if call.way is not None:
                self.ring(call)
        self.agents.move(agent, Presence.PAUSED, self._line.at)
        self._line.later(self._model.pause.draw(self._random), partial(self._return, agent))

    def _return(self, agent: int) -> None:
        self._free(agent)
        self._plan_break(agent)
        self._look()
