"""The claim: due leads become attempts, or are held, or closed, in one transaction before any INVITE leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from leadline.calling.budget import TrunkBudget, take_stock
from leadline.calling.crash_points import Point, Reached, nothing
from leadline.calling.crew import Crew
from leadline.calling.ticket import Ticket
from leadline.clock import Clock
from leadline.domain.conclusion import CONGESTION_WAIT
from leadline.domain.eligibility import (
    LOOK_BACK,
    Dialed,
    Facts,
    Route,
    Verdict,
    delaying,
    forbidding,
    judge,
    routes,
)
from leadline.domain.events import Event, EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.policy import TrunkPolicy
from leadline.domain.prompt import prompts_of
from leadline.domain.upsert import DueKind
from leadline.store import attempts, claims, control, dialed, do_not_call, leads, prompts
from leadline.store import events as event_store
from leadline.store.attempts import Attempt
from leadline.store.catalogue import Process
from leadline.store.database import Database

LOOK_AGAIN: Final = timedelta(hours=1)
"""When a lead is looked at again that is held by a rule which cannot say how long."""
TRUNK_FULL: Final = timedelta(seconds=1)
"""When a lead is looked at again whose own trunks are full while the process has others that are not, or whose number
another dialer is about to call."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim has come to."""

    tickets: Sequence[Ticket]
    """Attempts, committed; each holds a slot of its trunk until it is released."""
    looked_at: int
    """Due leads that were dialed, held, closed or put off: while there are any, others wait behind them."""


@dataclass(slots=True)
class _Draft:
    """What a claim is about to write."""

    looked_at: int = 0
    tickets: list[Ticket] = field(default_factory=list)
    changed: list[Lead] = field(default_factory=list)
    later: list[Lead] = field(default_factory=list)
    """Leads that only wait for a moment: nothing of them changes."""
    events: list[tuple[int, Event]] = field(default_factory=list)


class Claimer:
    """Claims due leads for one worker, within the budgets of the trunks."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        worker: str,
        budgets: Mapping[str, TrunkBudget],
        is_up: Callable[[TrunkPolicy], bool],
        reached: Reached = nothing,
    ) -> None:
        self._database = database
        self._clock = clock
        self._worker = worker
        self._budgets = budgets
        self._is_up = is_up
        self._reached = reached

    async def claim(self, process: Process, priority: int, most: int, kind: DueKind = DueKind.CALL) -> Claimed:
        """Up to `most` attempts of one process, of what is due as a call or what an agent has agreed to."""
        draft = _Draft()
        try:
            async with self._database.transaction() as connection:
                await self._fill(connection, draft, process, priority, most, kind)
                self._reached(Point.CLAIM_WRITTEN)
        except BaseException:
            for ticket in draft.tickets:
                self._budgets[ticket.trunk.name].unused()
            raise
        self._reached(Point.CLAIM_COMMITTED)
        return Claimed(draft.tickets, draft.looked_at)

    async def _fill(
        self, connection: Any, draft: _Draft, process: Process, priority: int, most: int, kind: DueKind
    ) -> None:
        # The catalogue may be a moment older than a word to pause, which waits for us, or we for it. First of all,
        # since whoever writes a process may then want leads: nobody waits for anybody in a circle.
        if await control.is_paused(connection, process.id):
            return
        crew = await Crew.muster(connection, process, kind)
        most = crew.room(most)
        if most <= 0:
            return
        open_trunks = {trunk.name: self._budgets[trunk.name] for trunk in process.trunks if self._is_up(trunk)}
        most = min(most, await take_stock(connection, self._worker, open_trunks))
        if most <= 0:
            return
        now = self._clock.now()
        taken = await claims.take(connection, kind, process.id, priority, now, most)
        if not taken:
            return
        draft.looked_at = len(taken)
        self._reached(Point.CLAIM_TAKEN)
        await crew.meet(connection, taken)
        organisation_id = process.organisation_id
        numbers = {lead.number for lead in taken if lead.number}
        listed = await do_not_call.listed(connection, organisation_id, process.id, numbers, now)
        recent = dialed.Recent()
        if process.policy.limits:
            taken = await self._alone(connection, draft, organisation_id, taken)
            ids = [lead.id for lead in taken]
            recent = await dialed.recent(connection, organisation_id, ids, numbers, now - LOOK_BACK)
        congested = await attempts.congested_trunks(
            connection, organisation_id, [lead.id for lead in taken], now - CONGESTION_WAIT
        )
        flow = None if crew.needed else process.flow
        wanted = {lead.id: prompts_of(flow, lead, process.policy.speech) for lead in taken}
        keys = {prompt.key for nodes in wanted.values() for prompt in nodes.values()}
        audio = await prompts.audio(connection, organisation_id, keys)
        for lead in taken:
            on = listed.get(lead.number) if lead.number else None
            own = crew.presence_of(lead)
            facts = Facts(lead, process.policy, process.trunks, on, None, now, dialed=recent.of(lead), own_agent=own)
            verdicts = judge(facts)
            if verdict := forbidding(verdicts):
                _close(draft, lead, verdict, now)
            elif verdict := delaying(verdicts):
                _hold(draft, lead, verdict, now)
            elif any(prompt.key not in audio for prompt in wanted[lead.id].values()):
                _await_prompt(draft, lead, now)
            else:
                fresh = [route for route in routes(facts) if (lead.id, route.trunk) not in congested]
                spoken = {node: audio[prompt.key] for node, prompt in wanted[lead.id].items()}
                if self._attempt(draft, lead, process, fresh or routes(facts), spoken, now, crew):
                    recent.add(Dialed(lead.id, lead.number or "", now))
        await leads.update(connection, draft.changed)
        await event_store.write(connection, draft.events)
        await attempts.insert(connection, [self._row(ticket, now) for ticket in draft.tickets])
        called = {ticket.lead.id: ticket.attempt_id for ticket in draft.tickets}
        await crew.settle(connection, called, {lead.id for lead in draft.later}, now)
        if draft.later:
            await claims.postpone(connection, kind, draft.later, now + TRUNK_FULL)

    @staticmethod
    async def _alone(connection: Any, draft: _Draft, organisation_id: int, taken: Sequence[Lead]) -> list[Lead]:
        """The leads whose number no other transaction is about to dial: its attempts could not be counted yet."""
        held = await dialed.hold(connection, organisation_id, {lead.number for lead in taken if lead.number})
        draft.later += [lead for lead in taken if lead.number and lead.number not in held]
        return [lead for lead in taken if not lead.number or lead.number in held]

    def _attempt(
        self,
        draft: _Draft,
        lead: Lead,
        process: Process,
        ways: Sequence[Route],
        audio: Mapping[str, bytes],
        now: datetime,
        crew: Crew,
    ) -> bool:
        """Reserve a trunk and draft the attempt; False if none has a slot, or there is no agent for the customer."""
        agent = crew.choose(lead, now)
        if crew.needed and agent is None:
            draft.later.append(lead)
            return False
        up = {trunk.name: trunk for trunk in process.trunks if self._is_up(trunk)}
        route = next((way for way in ways if way.trunk in up and self._budgets[way.trunk].reserve()), None)
        if route is None:
            draft.later.append(lead)
            return False
        trunk = up[route.trunk]
        ticket = Ticket(
            uuid4(), lead, process, trunk, route.dial_string, audio, another_trunk=ways[-1] != route, agent=agent
        )
        if agent is not None:
            crew.give(agent, ticket.attempt_id)
        dialing = replace(lead, state=advance(lead.state, LeadState.DIALING), due_at=None, held_by=None, updated_at=now)
        created = {
            "attempt": ticket.attempt_id,
            "trunk": trunk.name,
            "dial_string": route.dial_string,
            "caller_id": process.policy.caller_id,
        }
        _write(draft, dialing, now, (EventKind.LEAD_DIALING, {"attempt": ticket.attempt_id}),
               (EventKind.ATTEMPT_CREATED, created))  # fmt: skip
        draft.tickets.append(replace(ticket, lead=draft.changed[-1]))
        return True

    def _row(self, ticket: Ticket, now: datetime) -> Attempt:
        lead = ticket.lead
        return Attempt(
            organisation_id=lead.organisation_id,
            id=ticket.attempt_id,
            lead_id=lead.id,
            process_id=lead.process_id,
            opening=lead.opening,
            worker=self._worker,
            trunk=ticket.trunk.name,
            number=lead.number or "",
            dial_string=ticket.dial_string,
            caller_id=ticket.process.policy.caller_id,
            started_at=now,
        )


def _close(draft: _Draft, lead: Lead, verdict: Verdict, now: datetime) -> None:
    closed = replace(
        lead, state=advance(lead.state, LeadState.CLOSED), closed_reason=verdict.closes, due_at=None, updated_at=now
    )
    _write(
        draft,
        closed,
        now,
        (EventKind.LEAD_CLOSED, {"reason": verdict.closes, "rule": verdict.rule, "why": verdict.reason}),
    )


def _hold(draft: _Draft, lead: Lead, verdict: Verdict, now: datetime) -> None:
    """Delay a lead; said once for as long as the same rule holds it."""
    state = advance(lead.state, LeadState.SCHEDULED) if lead.state is LeadState.OFFERED else lead.state
    due_at = verdict.until or now + LOOK_AGAIN
    held = replace(lead, state=state, due_at=due_at, held_by=verdict.rule, updated_at=now)
    data = {"rule": verdict.rule, "reason": verdict.reason, "until": verdict.until}
    _write(draft, held, now, *([(EventKind.LEAD_HELD, data)] if lead.held_by != verdict.rule else []))


def _await_prompt(draft: _Draft, lead: Lead, now: datetime) -> None:
    waiting = replace(lead, state=advance(lead.state, LeadState.AWAITING_PROMPT), updated_at=now)
    _write(
        draft,
        waiting,
        now,
        (EventKind.LEAD_AWAITING_PROMPT, {"due_at": lead.due_at, "reason": "its audio is not there"}),
    )


def _write(draft: _Draft, lead: Lead, now: datetime, *said: tuple[EventKind, Mapping[str, Any]]) -> None:
    counted = leads.counted(lead, len(said))
    draft.changed.append(counted)
    draft.events += [
        (lead.events + n, Event(lead.organisation_id, lead.id, lead.opening, now, kind, data))
        for n, (kind, data) in enumerate(said, 1)
    ]
