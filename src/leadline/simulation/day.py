"""The day of some processes on a virtual clock: rules, pacing, trunks' budgets, flows and conclusions are those that
calls are made by.

What happens is a line of moments: a phone is answered, an agent is free, a lead is due. After each it is looked, as
the dialer does, whether a call may be begun.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from leadline.calling.claim import TRUNK_FULL
from leadline.calling.dialer import MOST_AT_ONCE
from leadline.calling.transfer import NO_AGENT
from leadline.domain.attempt import Outcome
from leadline.domain.conclusion import CONGESTION_WAIT, conclude, concluded
from leadline.domain.eligibility import Facts, Route, judge, routes
from leadline.domain.flow import Begun, FlowEvent, Transfer, TransferEnded
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.policy import Mode
from leadline.domain.ruling import ruled
from leadline.domain.vendor import CallType
from leadline.simulation.call import Call, Past
from leadline.simulation.desk import Tell
from leadline.simulation.outside import Outside
from leadline.simulation.people import numbers
from leadline.simulation.process import Process, process_of
from leadline.simulation.queue import DueQueue
from leadline.simulation.result import Result, result_of
from leadline.simulation.scenario import Scenario
from leadline.simulation.tally import total
from leadline.simulation.timeline import Timeline
from leadline.simulation.trunks import Trunks
from leadline.simulation.way import Walk

AWAITED: Final = frozenset({CallType.HOT_LEAD, CallType.GENERAL_CALLBACK})
"""Calls that customers have asked for."""
BLINK: Final = 0.001
"""Seconds that pass at least until it is looked again: fractions too small to move the clock never end."""


def simulate(scenario: Scenario) -> Result:
    """The day from its beginning to the last lead, or to its end."""
    return Day(scenario).run()


class Day:
    """Takes what is due, calls, and concludes."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._line = Timeline(scenario.begins)
        self._ends = (scenario.ends - scenario.begins).total_seconds()
        self._queue = DueQueue()
        trunks = {trunk.name: trunk for part in scenario.parts for trunk in part.trunks}
        self._trunks = Trunks(trunks.values(), self._line)
        self._outside = Outside(self._trunks, self._line, self._came_back)
        tell = Tell(self._came_back, self._written_up, self._agent_gone, self._look)
        of_region = {part.policy.region: numbers(part.policy.region) for part in scenario.parts}
        self._processes = {
            number: process_of(scenario, number, self._line, of_region[part.policy.region], tell)
            for number, part in enumerate(scenario.parts, 1)
        }
        self._desks = {process.policy.servicekey: process.desk for process in self._processes.values()}
        self._live = 0
        self._coming = 0
        """Pushes that are still to come."""
        self._woken_at = float("inf")

    def run(self) -> Result:
        for process in self._processes.values():
            for _ in range(process.part.leads):
                self._push(process, CallType.FRESH)
            for calltype in process.arrivals:
                self._expect(process, calltype)
            process.desk.open()
        self._look()
        while self._live or (self._line.at < self._ends and (self._coming or len(self._queue))):
            if not self._line.step():
                break
        return self._result()

    def _result(self) -> Result:
        for process in self._processes.values():
            process.desk.close()
        processes = list(self._processes.values())
        each = [
            result_of(
                process.policy.servicekey,
                process.mode,
                process.part.zone,
                process.tally,
                [process.desk.agents],
                self._line,
            )
            for process in processes
        ]
        modes = {process.mode for process in processes}
        return result_of(
            self._scenario.name,
            modes.pop() if len(modes) == 1 else "several",
            processes[0].part.zone,
            total((process.tally for process in processes), self._trunks.all),
            [process.desk.agents for process in processes],
            self._line,
            self._trunks.peaks(),
            tuple(each) if len(each) > 1 else (),
        )

    # What intake does

    def _push(self, process: Process, calltype: CallType) -> Lead:
        lead = process.people.lead(calltype, self._line.now)
        process.tally.leads += 1
        self._queue.put(lead)
        return lead

    def _expect(self, process: Process, calltype: CallType) -> None:
        wait = process.arrivals[calltype].next(self._ends)
        if wait is not None:
            self._coming += 1
            self._line.later(wait, partial(self._arrive, process, calltype))

    def _arrive(self, process: Process, calltype: CallType) -> None:
        self._coming -= 1
        process.tally.pushed += 1
        lead = self._push(process, calltype)
        if calltype in AWAITED:
            process.past_of(lead).asked_for = self._line.now
        self._expect(process, calltype)
        self._look()

    # What the dialer does

    def _look(self) -> None:
        """Begin what may be begun, and plan to look again when something else may be."""
        now = self._line.now
        if self._line.at < self._ends:
            while servable := [number for number, process in self._processes.items() if self._room(process) > 0]:
                due = self._queue.ready(servable, now)
                if not due:
                    break
                for priority, number in due:
                    self._serve(self._processes[number], priority)
        self._sleep()

    def _serve(self, process: Process, priority: int) -> None:
        room = min(MOST_AT_ONCE, self._room(process))
        if room > 0:
            for lead in self._queue.take(process.number, priority, self._line.now, room):
                self._claim(process, lead)

    def _room(self, process: Process) -> int:
        wanted = process.room
        if wanted is not None and wanted <= 0:
            return 0
        trunks = self._trunks.room(process.part.trunks)
        return trunks if wanted is None else min(trunks, wanted)

    def _sleep(self) -> None:
        now, waits = self._line.now, []
        if (due_at := self._queue.next_due(self._processes, now)) is not None:
            waits.append((due_at - now).total_seconds())
        if (full := self._trunks.wait()) is not None and self._queue.ready(self._processes, now):
            waits.append(full)
        wait = max(BLINK, min(waits, default=float("inf")))
        if self._line.at + wait < self._woken_at:
            self._woken_at = self._line.later(wait, self._wake)

    def _wake(self) -> None:
        """An earlier wish to be woken may have come in the way of this one, and another of that."""
        if self._line.at >= self._woken_at:
            self._woken_at = float("inf")
            self._look()

    def _claim(self, process: Process, lead: Lead) -> None:
        """Judge a lead that is due, and call it if it may be."""
        past, now = process.past_of(lead), self._line.now
        # A preview is offered to an agent, who always agrees.
        called = lead.but(state=advance(lead.state, LeadState.OFFERED)) if process.mode is Mode.PREVIEW else lead
        listed = past.on_list(now)
        facts = Facts(called, process.policy, process.part.trunks, listed, None, now, dialed=past.dialed)
        ruling = ruled(called, judge(facts), now)
        if ruling is None:
            self._begin(process, called, past, past.uncongested(routes(facts), now - CONGESTION_WAIT))
        elif (reason := ruling.lead.closed_reason) is not None:
            process.tally.close(reason, self._line.at)
        else:
            self._queue.put(ruling.lead)

    # What a call comes to

    def _begin(self, process: Process, lead: Lead, past: Past, ways: Sequence[Route]) -> None:
        hour = self._line.hour(lead.timezone or process.part.zone)
        awaited = lead.calltype in AWAITED
        reaction = process.customers.react(lead.id, past.attempts + 1, hour, awaited=awaited)
        call = Call(lead, ways, reaction, past, process.tally)
        self._queue.turns.took(process.number)
        if process.reserves:
            process.desk.reserve(call)
        self._live += 1
        if process.mode is Mode.PREVIEW:
            self._line.later(reaction.previewed, partial(self._agreed, process, call))
        else:
            self._dial(process, call)

    def _agreed(self, process: Process, call: Call) -> None:
        self._dial(process, call)
        self._look()

    def _dial(self, process: Process, call: Call) -> None:
        """Let the phone ring, unless no trunk has a slot, or the agent is gone."""
        lacks = process.reserves and call.agent is None
        call.way = None if lacks else self._trunks.seize(call.ways)
        if call.way is None:
            self._live -= 1
            self._queue.put(call.lead.but(state=LeadState.SCHEDULED, due_at=self._line.now + TRUNK_FULL))
            process.desk.give_back(call)
            return
        past, now = call.past, self._line.now
        process.tally.invite(self._line.at)
        if past.asked_for is not None:
            process.tally.reached(call.lead.calltype, (now - past.asked_for).total_seconds())
        call.lead = call.lead.but(state=advance(call.lead.state, LeadState.DIALING), due_at=None, held_by=None)
        past.dial(call, now, counts=bool(process.policy.limits))
        process.pace.ring(call)
        self._line.later(call.reaction.rings, partial(self._rung, process, call))

    def _rung(self, process: Process, call: Call) -> None:
        """The phone has stopped ringing: who answered is led through the flow."""
        process.pace.rung(call)
        if call.reaction.outcome is Outcome.ANSWERED:
            process.tally.answer(self._line.at)
            call.walk = Walk(process.customers.keys(call.lead.id, call.past.attempts), call.reaction.listens)
            self._walk(process, call, call.walk, Begun())
        else:
            process.desk.give_back(call)
            self._over(process, call)
        self._look()

    def _walk(self, process: Process, call: Call, walk: Walk, event: FlowEvent) -> None:
        seconds, transfer = process.way.go(walk, event)
        if walk.callback is not None:
            call.callback_at = self._line.now + timedelta(seconds=walk.callback)
        if transfer is None:
            after = partial(self._end, process, call)
        else:
            after = partial(self._connect, process, call, transfer)
        if seconds > 0.0:
            self._line.later(seconds, after)
        else:
            after()

    def _connect(self, process: Process, call: Call, transfer: Transfer) -> None:
        patience = transfer.timeout.total_seconds()
        if transfer.number is not None:
            self._outside.connect(call, transfer.number, process.policy, process.part.trunks, patience)
        else:
            self._desks.get(transfer.queue or "", process.desk).connect(call, patience)

    def _came_back(self, call: Call, result: str) -> None:
        """A transfer is over, and the flow goes on."""
        process = self._processes[call.lead.process_id]
        if result == NO_AGENT:
            call.tally.unserved += 1
            if process.mode is not Mode.MESSAGE:
                call.tally.abandon(self._line.at)
            if process.mode is Mode.PREDICTIVE:
                call.abandoned = True
                process.pace.abandoned()
        if call.walk is not None:
            self._walk(process, call, call.walk, TransferEnded(result))

    def _written_up(self, call: Call) -> None:
        reaction = call.reaction
        self._processes[call.lead.process_id].pace.handled(reaction.talks + reaction.wraps_up)

    def _agent_gone(self, call: Call) -> None:
        if call.way is not None:
            self._processes[call.lead.process_id].pace.ring(call)

    def _end(self, process: Process, call: Call) -> None:
        self._over(process, call)
        self._look()

    def _over(self, process: Process, call: Call) -> None:
        """The call has ended: its trunk is free, and its lead is what the conclusion makes of it."""
        self._live -= 1
        self._trunks.release(call.trunk)
        past, now, walk = call.past, self._line.now, call.walk
        past.end(call, now)
        process.tally.hang_up(call.outcome.told, None if walk is None else walk.disposition)
        if walk is not None and walk.listed is not None:
            process.tally.refused += 1
            past.listed = walk.listed.to
            past.listed_until = None if walk.listed.lasts is None else now + walk.listed.lasts
        conclusion = conclude(
            call.outcome,
            past.outcomes,
            process.policy.retry,
            now,
            callback_at=call.callback_at,
            another_trunk=call.ways[-1] != call.way,
        )
        lead = concluded(call.lead, conclusion)
        if lead.closed_reason is not None:
            process.tally.close(lead.closed_reason, self._line.at)
            return
        if conclusion.calltype is CallType.GENERAL_CALLBACK:
            past.asked_for = lead.due_at
            process.tally.promised += 1
        self._queue.put(lead)
