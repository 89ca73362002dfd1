"""The stage of offers: what waits for an agent's word is laid on the desk of one who is ready, and goes on in time.

A lead with an agent of its own is theirs alone at first; after `callback_grace` the process's `callback_fallback`
decides. Whoever passed on a lead is asked again only when everybody who is ready has. What a rule would not let be
called is not shown: it is held, or closed, as where calls are made.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from leadline.agents.judging import judged
from leadline.clock import Clock
from leadline.domain.agent import Presence, advance
from leadline.domain.lead import Lead, LeadState
from leadline.domain.offer import Passed, choose, offered, passed
from leadline.domain.policy import Fallback, Mode
from leadline.domain.upsert import DueKind
from leadline.store import agents, claims, control, leads, offers
from leadline.store.agents import Agent
from leadline.store.catalogue import Catalogue, Process
from leadline.store.database import Database
from leadline.store.offers import Offer
from leadline.store.rounds import Rounds
from leadline.store.writing import move

MOST_AT_ONCE: Final = 20
"""Offers of one transaction."""
MOST_READY: Final = 1_000
"""Ready agents that are looked at."""
LONGEST_WAIT: Final = 10.0
"""Seconds after which the stage looks again unasked."""
SOONEST: Final = 0.05
"""Seconds to the next look, at least, where somebody else holds what is to be done."""


class OfferStage:
    """Makes the offers of all organisations."""

    def __init__(self, database: Database, clock: Clock, catalogue: Callable[[], Catalogue]) -> None:
        self._database, self._clock, self._catalogue = database, clock, catalogue
        self._rounds = Rounds("offers")

    def wake(self) -> None:
        """Look at once: somebody may be ready, or something due."""
        self._rounds.wake()

    def called(self) -> None:
        """Look at once where calls are offered: something may be due as a call."""
        if any(DueKind.CALL in kinds_of(process) for process in self._catalogue().processes.values()):
            self.wake()

    async def run(self) -> None:
        """Work for ever; while PostgreSQL is away, wait for it."""
        await self._rounds.run(self._round)

    async def _round(self) -> float:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            wrap_up_ends = await agents.end_wrap_ups(connection, now)
        await self._take_back(now)
        served = [one for one in self._catalogue().processes.values() if not (one.paused or one.stopped)]
        instants = [wrap_up_ends]
        for kind in (DueKind.OFFER, DueKind.CALL):
            own = {process.id: process for process in served if kind in kinds_of(process)}
            async with self._database.connection() as connection:
                due = await claims.ready(connection, kind, list(own), now)
                instants.append(await claims.next_due(connection, kind, list(own), now))
            for process_id in dict.fromkeys(process_id for _, process_id in due):
                if await self._offer(own[process_id], kind):
                    return 0.0
        async with self._database.connection() as connection:
            instants.append(await offers.next_until(connection))
        waits = [(instant - now).total_seconds() for instant in instants if instant is not None]
        return max(SOONEST, min([LONGEST_WAIT, *waits]))

    async def _take_back(self, now: datetime) -> None:
        async with self._database.connection() as connection:
            over = await offers.out_of_date(connection, now)
        for offer in over:
            async with self._database.transaction() as connection:
                lead = await leads.get(connection, offer.organisation_id, offer.lead_id, lock=True)
                if await offers.get(connection, offer.organisation_id, offer.lead_id) != offer:
                    continue
                await offers.take_back(connection, offer, now)
                if lead is not None and lead.state is LeadState.OFFERED:
                    await move(connection, [passed(lead, offer.login or "", Passed.TIMEOUT, now)])
                else:
                    await offers.forget_passes(connection, offer.organisation_id, [offer.lead_id])

    async def _offer(self, process: Process, kind: DueKind) -> int:
        """Offer what is due to who is ready; returns of how many leads something was made."""
        async with self._database.transaction() as connection:
            if await control.is_paused(connection, process.id):  # the catalogue may be a moment older
                return 0
            now, rules = self._clock.now(), process.policy.agents
            ready = await agents.idle(connection, process.organisation_id, None, MOST_READY)
            names = [agent.login for agent in ready]
            members = {login for login in names if login in process.policy.users}
            others = _others(process, ready, members)
            free_since = now - rules.callback_grace if others else None
            waiting = await offers.waiting(
                connection,
                kind,
                process.id,
                now,
                names,
                anybody=bool(members),
                free_since=free_since,
                most=min(len(names), MOST_AT_ONCE),
            )
            shown = await judged(connection, process, waiting, now)
            before = await offers.of_leads(connection, process.organisation_id, [lead.id for lead in shown])
            given, late = 0, []
            for lead in shown:
                offer = before.get(lead.id)
                passed_by = offer.passed if offer else ()
                pool = members
                if lead.userlogin is not None and lead.userlogin not in passed_by:
                    pool = others if free_since and lead.due_at and lead.due_at <= free_since else set()
                login = choose(lead.userlogin, names, pool, passed_by)
                if login is not None:
                    names.remove(login)
                    given += 1
                    await self._lay(connection, process, lead, login, offer, now)
                elif passed_by:
                    late.append(lead)
            if late:
                await claims.postpone(connection, kind, late, now + rules.offer_timeout)
                await offers.forget_passes(connection, process.organisation_id, [lead.id for lead in late])
            return given + len(late) + len(waiting) - len(shown)

    @staticmethod
    async def _lay(
        connection: Any, process: Process, lead: Lead, login: str, before: Offer | None, now: datetime
    ) -> None:
        until = now + process.policy.agents.offer_timeout
        presence = advance(Presence.READY, Presence.RESERVED)
        await agents.put(connection, lead.organisation_id, login, presence, now)
        await offers.put(connection, lead.organisation_id, lead.id, login, now, until, before=before)
        await move(connection, [offered(lead, login, until, now)])


def _others(process: Process, ready: list[Agent], members: set[str]) -> set[str]:
    """Who takes leads whose own agent has been away for the grace time."""
    match process.policy.agents.callback_fallback:
        case Fallback.WAIT:
            return set()
        case Fallback.ANY:
            return members
        case Fallback.SUPERVISOR:
            return {agent.login for agent in ready if agent.role == "supervisor"}


def kinds_of(process: Process) -> tuple[DueKind, ...]:
    """What of a process is offered: its previews, and in a preview process everything."""
    return (DueKind.OFFER, DueKind.CALL) if process.policy.mode is Mode.PREVIEW else (DueKind.OFFER,)
