"""The claim: due leads become attempts, or are held, or closed, in one transaction before any INVITE leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from leadline.calling.budget import TrunkBudget
from leadline.calling.ticket import Ticket
from leadline.clock import Clock
from leadline.domain.conclusion import CONGESTION_WAIT
from leadline.domain.eligibility import Facts, Route, Verdict, delaying, forbidding, judge, routes
from leadline.domain.events import Event, EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.policy import TrunkPolicy
from leadline.domain.prompt import prompts_of
from leadline.domain.upsert import DueKind
from leadline.store import attempts, claims, do_not_call, leads, prompts
from leadline.store import events as event_store
from leadline.store.attempts import Attempt
from leadline.store.catalogue import Process
from leadline.store.database import Database

LOOK_AGAIN: Final = timedelta(hours=1)
"""When a lead is looked at again that is held by a rule which cannot say how long."""
TRUNK_FULL: Final = timedelta(seconds=1)
"""When a lead is looked at again whose own trunks are full while the process has others that are not."""


@dataclass(slots=True)
class _Draft:
    """What a claim is about to write."""

    tickets: list[Ticket] = field(default_factory=list)
    changed: list[Lead] = field(default_factory=list)
    full: list[Lead] = field(default_factory=list)
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
    ) -> None:
        self._database = database
        self._clock = clock
        self._worker = worker
        self._budgets = budgets
        self._is_up = is_up

    async def claim(self, process: Process, priority: int, most: int) -> list[Ticket]:
        """Up to `most` attempts of one process, committed; each holds a slot of its trunk until it is released."""
        draft = _Draft()
        try:
            async with self._database.transaction() as connection:
                await self._fill(connection, draft, process, priority, most)
        except BaseException:
            for ticket in draft.tickets:
                self._budgets[ticket.trunk.name].unused()
            raise
        return draft.tickets

    async def _fill(self, connection: Any, draft: _Draft, process: Process, priority: int, most: int) -> None:
        now = self._clock.now()
        taken = await claims.take(connection, DueKind.CALL, process.id, priority, now, most)
        if not taken:
            return
        organisation_id = process.organisation_id
        listed = await do_not_call.listed(connection, organisation_id, {lead.number for lead in taken if lead.number})
        congested = await attempts.congested_trunks(
            connection, organisation_id, [lead.id for lead in taken], now - CONGESTION_WAIT
        )
        wanted = {lead.id: prompts_of(process.flow, lead, process.policy.speech) for lead in taken}
        keys = {prompt.key for nodes in wanted.values() for prompt in nodes.values()}
        audio = await prompts.audio(connection, organisation_id, keys)
        for lead in taken:
            facts = Facts(lead, process.policy, process.trunks, lead.number in listed, None, now)
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
                self._attempt(draft, lead, process, fresh or routes(facts), spoken, now)
        await leads.update(connection, draft.changed)
        await event_store.write(connection, draft.events)
        await attempts.insert(connection, [self._row(ticket, now) for ticket in draft.tickets])
        if draft.full:
            await claims.postpone(connection, DueKind.CALL, draft.full, now + TRUNK_FULL)

    def _attempt(
        self,
        draft: _Draft,
        lead: Lead,
        process: Process,
        ways: Sequence[Route],
        audio: Mapping[str, bytes],
        now: datetime,
    ) -> None:
        up = {trunk.name: trunk for trunk in process.trunks if self._is_up(trunk)}
        route = next((way for way in ways if way.trunk in up and self._budgets[way.trunk].reserve()), None)
        if route is None:
            draft.full.append(lead)
            return
        trunk = up[route.trunk]
        ticket = Ticket(uuid4(), lead, process, trunk, route.dial_string, audio, another_trunk=ways[-1] != route)
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
    held = replace(lead, due_at=verdict.until or now + LOOK_AGAIN, held_by=verdict.rule, updated_at=now)
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
