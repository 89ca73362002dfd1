"""A process's day on a virtual clock: rules, pacing, trunks' budgets and conclusions are those that calls are made by.

What happens is a line of moments: a phone is answered, an agent is free, a lead is due. After each it is looked, as
the dialer does, whether a call may be begun.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from leadline.calling.budget import TrunkBudget
from leadline.calling.claim import LOOK_AGAIN, TRUNK_FULL
from leadline.calling.dialer import MOST_AT_ONCE
from leadline.domain.attempt import Outcome
from leadline.domain.conclusion import CONGESTION_WAIT, conclude, concluded
from leadline.domain.eligibility import Facts, Route, delaying, forbidding, judge, routes
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.policy import Mode
from leadline.simulation.call import Call, Past
from leadline.simulation.customers import Customers, leads
from leadline.simulation.desk import Desk
from leadline.simulation.queue import DueQueue
from leadline.simulation.result import Result, Tally, result_of
from leadline.simulation.scenario import Scenario
from leadline.simulation.timeline import Timeline

PROCESS: Final = 1
BLINK: Final = 0.001
"""Seconds that pass at least until it is looked again: fractions too small to move the clock never end."""


def simulate(scenario: Scenario) -> Result:
    """The day from its beginning to the last lead, or to its end."""
    return Day(scenario).run()


class Day:
    """Takes what is due, calls, and concludes."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario, self._mode = scenario, scenario.mode
        self._policy = replace(scenario.policy, mode=scenario.mode)
        self._line = Timeline(scenario.begins, scenario.zone)
        self._ends = (scenario.ends - scenario.begins).total_seconds()
        self._queue = DueQueue()
        self._past: dict[int, Past] = {}
        self._customers = Customers(scenario.model, scenario.seed, scenario.policy.ring_timeout)
        self._budgets = {
            trunk.name: TrunkBudget(trunk.channels, trunk.cps, self._line.seconds) for trunk in scenario.trunks
        }
        self._tally = Tally(scenario)
        self._desk = Desk(scenario, self._line, self._tally, self._over, self._look)
        self._live = 0
        self._woken_at = float("inf")

    def run(self) -> Result:
        for lead in leads(self._policy.region, self._scenario.leads, self._scenario.begins):
            self._queue.put(lead)
        self._desk.open()
        self._look()
        while self._live or (self._line.at < self._ends and len(self._queue)):
            if not self._line.step():
                break
        self._desk.close()
        return result_of(self._tally, self._desk.agents, self._line)

    # What the dialer does

    def _look(self) -> None:
        """Begin what may be begun, and plan to look again when something else may be."""
        now, full = self._line.now, self._line.at >= self._ends
        while not full and (room := self._room()) > 0 and (due := self._queue.ready((PROCESS,), now)):
            for priority, process in due:
                for lead in self._queue.take(process, priority, now, min(MOST_AT_ONCE, room)):
                    room -= self._claim(lead)
            full = room <= 0
        self._sleep()

    def _room(self) -> int:
        trunks = sum(budget.free for budget in self._budgets.values())
        return trunks if (wanted := self._desk.wanted()) is None else min(trunks, wanted)

    def _sleep(self) -> None:
        now, waits = self._line.now, []
        if (due_at := self._queue.next_due((PROCESS,))) is not None and due_at > now:
            waits.append((due_at - now).total_seconds())
        elif due_at is not None:
            waits += [wait for each in self._budgets.values() if each.free == 0 and (wait := each.wait) is not None]
        wait = max(BLINK, min(waits, default=float("inf")))
        if self._line.at + wait < self._woken_at:
            self._woken_at = self._line.later(wait, self._wake)

    def _wake(self) -> None:
        """An earlier wish to be woken may have come in the way of this one, and another of that."""
        if self._line.at >= self._woken_at:
            self._woken_at = float("inf")
            self._look()

    def _claim(self, lead: Lead) -> bool:
        """Judge a lead that is due; whether it is called."""
        past, now = self._past.setdefault(lead.id, Past()), self._line.now
        # A preview is offered to an agent, who always agrees.
        called = lead.but(state=advance(lead.state, LeadState.OFFERED)) if self._mode is Mode.PREVIEW else lead
        facts = Facts(called, self._policy, self._scenario.trunks, None, None, now, dialed=past.dialed)
        verdicts = judge(facts)
        if (verdict := forbidding(verdicts)) and verdict.closes:
            self._tally.close(verdict.closes, self._line.at)
            return False
        if verdict := delaying(verdicts):
            self._queue.put(lead.but(due_at=verdict.until or now + LOOK_AGAIN, held_by=verdict.rule))
            return False
        return self._begin(called, past, past.uncongested(routes(facts), now - CONGESTION_WAIT))

    # What a call comes to

    def _begin(self, lead: Lead, past: Past, ways: Sequence[Route]) -> bool:
        reaction = self._customers.react(lead.id, past.attempts + 1, self._line.hour(lead.timezone))
        call = Call(lead, ways, reaction)
        self._desk.reserve(call)
        self._live += 1
        if self._mode is Mode.PREVIEW:
            self._line.later(reaction.previewed, partial(self._agreed, call))
            return True
        return self._dial(call)

    def _agreed(self, call: Call) -> None:
        self._dial(call)
        self._look()

    def _dial(self, call: Call) -> bool:
        """Let the phone ring; False if no trunk has a slot, or the agent is gone."""
        way = None
        if not self._desk.lacks(call):
            way = next((way for way in call.ways if self._budgets[way.trunk].reserve()), None)
        if way is None:
            self._live -= 1
            self._queue.put(call.lead.but(state=LeadState.SCHEDULED, due_at=self._line.now + TRUNK_FULL))
            self._desk.give_back(call)
            return False
        self._budgets[way.trunk].sent()
        self._tally.invited(way.trunk, self._line.at)
        call.lead = call.lead.but(state=advance(call.lead.state, LeadState.DIALING), due_at=None, held_by=None)
        call.way = way
        self._past[call.lead.id].dial(call, self._line.now, counts=bool(self._policy.limits))
        self._desk.ring(call)
        self._line.later(call.reaction.rings, partial(self._rung, call))
        return True

    def _rung(self, call: Call) -> None:
        """The phone has stopped ringing."""
        answered = call.reaction.outcome is Outcome.ANSWERED
        self._desk.rung(call, answered=answered)
        if not answered:
            self._over(call)
        elif self._mode is Mode.MESSAGE:
            self._line.later(call.reaction.listens, partial(self._over, call))
        self._look()

    def _over(self, call: Call) -> None:
        """The call has ended: its trunk is free, and its lead is what the conclusion makes of it."""
        self._live -= 1
        self._budgets[call.trunk].release()
        self._tally.hung_up(call.trunk)
        past, now, outcome = self._past[call.lead.id], self._line.now, call.reaction.outcome
        past.end(call, now)
        self._tally.attempts[outcome] += 1
        retry, another_trunk = self._policy.retry, call.ways[-1] != call.way
        conclusion = conclude(outcome, past.outcomes, retry, now, another_trunk=another_trunk)
        lead = concluded(call.lead, conclusion, now)
        if lead.closed_reason is None:
            self._queue.put(lead)
        else:
            self._tally.close(lead.closed_reason, self._line.at)
