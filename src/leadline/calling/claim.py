"""The claim: due leads become attempts, or are held, or closed, in one transaction before any INVITE leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    judge,
    routes,
)
from leadline.domain.events import EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.policy import TrunkPolicy
from leadline.domain.prompt import prompts_of
from leadline.domain.ruling import ruled
from leadline.domain.telling import Told, told
from leadline.store import claims, control, dialed, prompts
from leadline.store.attempts import Attempt
from leadline.store.catalogue import Process
from leadline.store.claims import Drawn, Front
from leadline.store.database import Database

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
    up: Mapping[str, TrunkPolicy] = field(default_factory=dict)
    """Trunks that can be dialed over, if they have a slot."""
    tickets: list[Ticket] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    later: list[Lead] = field(default_factory=list)
    """Leads that only wait for a moment: nothing of them changes."""


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

    async def claim(self, process: Process, front: Front, most: int) -> Claimed:
        """Up to `most` attempts of one queue of a process: of what is due as a call, or what an agent has agreed to."""
        draft = _Draft()
        try:
            async with self._database.transaction() as connection:
                await self._fill(connection, draft, process, front, most)
                self._reached(Point.CLAIM_WRITTEN)
        except BaseException:
            for ticket in draft.tickets:
                self._budgets[ticket.trunk.name].unused()
            raise
        self._reached(Point.CLAIM_COMMITTED)
        return Claimed(draft.tickets, draft.looked_at)

    async def _fill(self, connection: Any, draft: _Draft, process: Process, front: Front, most: int) -> None:
        # The catalogue may be a moment older than a word to pause, which waits for us, or we for it. First of all,
        # since whoever writes a process may then want leads: nobody waits for anybody in a circle.
        if await control.is_paused(connection, process.id):
            return
        crew = await Crew.muster(connection, process, front.kind, self._clock.now())
        most = await self._room(connection, process, crew.room(most))
        if most <= 0:
            return
        now = self._clock.now()
        drawn = await claims.draw(connection, front, now, most, now - CONGESTION_WAIT)
        if not drawn:
            return
        draft.looked_at = len(drawn)
        self._reached(Point.CLAIM_TAKEN)
        await crew.meet(connection, [each.lead for each in drawn])
        recent = dialed.Recent()
        if process.policy.limits:
            drawn, recent = await self._limited(connection, draft, process, drawn, now)
        flow = None if crew.needed else process.flow
        wanted = {each.lead.id: prompts_of(flow, each.lead, process.policy.speech) for each in drawn}
        keys = {prompt.key for nodes in wanted.values() for prompt in nodes.values()}
        audio = await prompts.audio(connection, process.organisation_id, keys) if keys else {}
        draft.up = {trunk.name: trunk for trunk in process.trunks if self._is_up(trunk)}
        for each in drawn:
            lead, own = each.lead, crew.presence_of(each.lead)
            facts = Facts(
                lead, process.policy, process.trunks, each.listed, None, now, dialed=recent.of(lead), own_agent=own
            )
            if ruling := ruled(lead, judge(facts), now):
                draft.told.append(ruling)
            elif any(prompt.key not in audio for prompt in wanted[lead.id].values()):
                draft.told.append(_awaiting_prompt(lead, now))
            else:
                ways = routes(facts)
                fresh = [way for way in ways if way.trunk not in each.congested]
                spoken = {node: audio[prompt.key] for node, prompt in wanted[lead.id].items()}
                if self._attempt(draft, lead, process, fresh or ways, spoken, now, crew):
                    recent.add(Dialed(lead.id, lead.number or "", now))
        await claims.write(connection, draft.told, [self._row(ticket, now) for ticket in draft.tickets])
        called = {ticket.lead.id: ticket.attempt_id for ticket in draft.tickets}
        await crew.settle(connection, called, {lead.id for lead in draft.later}, now)
        if draft.later:
            await claims.put_back(connection, front.kind, draft.later, now + TRUNK_FULL)

    async def _room(self, connection: Any, process: Process, most: int) -> int:
        """How many of so many calls the trunks can carry that are up."""
        if most <= 0:
            return 0
        open_trunks = {trunk.name: self._budgets[trunk.name] for trunk in process.trunks if self._is_up(trunk)}
        return min(most, await take_stock(connection, self._worker, open_trunks))

    @staticmethod
    async def _limited(
        connection: Any, draft: _Draft, process: Process, drawn: Sequence[Drawn], now: datetime
    ) -> tuple[list[Drawn], dialed.Recent]:
        """What has been dialed of these leads, by which limits judge them.

        Those are put off whose number another transaction is about to dial: its attempts cannot be counted yet.
        """
        numbers = {each.lead.number for each in drawn if each.lead.number}
        held = await dialed.hold(connection, process.organisation_id, numbers)
        draft.later += [each.lead for each in drawn if each.lead.number and each.lead.number not in held]
        free = [each for each in drawn if not each.lead.number or each.lead.number in held]
        leads = [each.lead for each in free]
        return free, await dialed.of_leads(connection, process.organisation_id, leads, now - LOOK_BACK)

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
        if crew.lacks(lead, agent, now):
            draft.later.append(lead)
            return False
        route = next((way for way in ways if way.trunk in draft.up and self._budgets[way.trunk].reserve()), None)
        if route is None:
            draft.later.append(lead)
            return False
        attempt_id, trunk, dial_string = uuid4(), draft.up[route.trunk], route.dial_string
        if agent is not None:
            crew.give(agent, attempt_id)
        created = {
            "attempt": attempt_id,
            "trunk": trunk.name,
            "dial_string": dial_string,
            "caller_id": process.policy.caller_id,
        }
        dialing = told(
            lead.but(state=advance(lead.state, LeadState.DIALING), due_at=None, held_by=None),
            now,
            (EventKind.LEAD_DIALING, {"attempt": attempt_id}),
            (EventKind.ATTEMPT_CREATED, created),
        )
        draft.told.append(dialing)
        another = ways[-1] != route
        draft.tickets.append(Ticket(attempt_id, dialing.lead, process, trunk, dial_string, audio, another, agent))
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


def _awaiting_prompt(lead: Lead, now: datetime) -> Told:
    waiting = lead.but(state=advance(lead.state, LeadState.AWAITING_PROMPT))
    data = {"due_at": lead.due_at, "reason": "its audio is not there"}
    return told(waiting, now, (EventKind.LEAD_AWAITING_PROMPT, data))
