"""What agents say: that they are ready or away, and that the lead on their desk is to be dialed, or goes to another.

A lead is always locked before its agent: a call that ends locks them in the same order.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadline.clock import Clock
from leadline.domain.agent import Presence, advance, asked
from leadline.domain.errors import LeadlineError
from leadline.domain.lead import Lead, LeadState
from leadline.domain.offer import Passed, agreed, is_agreed, offered, passed
from leadline.domain.policy import Mode
from leadline.domain.telling import Told
from leadline.domain.vendor import FOR_AGENTS
from leadline.store import agents, leads, offers
from leadline.store.agents import Agent
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.store.offers import Offer
from leadline.store.writing import move


class NotPossible(LeadlineError):
    """What an agent asks for cannot be done now; the sentence says why, and what would mend it."""

    code = "not_possible"


@dataclass(frozen=True, slots=True)
class OnDesk:
    """A lead on an agent's desk."""

    lead_id: int
    offered_at: datetime
    until: datetime | None
    agreed: bool


class Desk:
    """Does what agents say."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def everybody(self, organisation_id: int) -> list[Agent]:
        """The agents of an organisation, and where they are."""
        async with self._database.connection() as connection:
            return await agents.of_organisation(connection, organisation_id)

    async def offers(self, organisation_id: int, login: str) -> list[OnDesk] | None:
        """What is on an agent's desk; None if the organisation has no such login."""
        async with self._database.snapshot() as connection:
            if await agents.get(connection, organisation_id, login) is None:
                return None
            offer = await offers.of_agent(connection, organisation_id, login)
            lead = await leads.get(connection, organisation_id, offer.lead_id) if offer else None
        if offer is None or lead is None or lead.state is not LeadState.OFFERED:
            return []
        return [OnDesk(offer.lead_id, offer.offered_at, offer.until, agreed=offer.until is None)]

    async def be(self, organisation_id: int, login: str, presence: Presence) -> Agent | None:
        """Have an agent be where they say; None if there is no such login. Raises IllegalMove, NotPossible."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            offer = await offers.of_agent(connection, organisation_id, login)
            lead = await leads.get(connection, organisation_id, offer.lead_id, lock=True) if offer else None
            agent = await agents.get(connection, organisation_id, login, lock=True)
            offer = await offers.of_agent(connection, organisation_id, login)  # it may have gone while we waited
            if agent is None:
                return None
            if presence is Presence.READY and agent.endpoint is None:
                raise NotPossible(f"{login} has no phone: give the user an endpoint in the configuration, and apply it")
            wanted = asked(agent.presence, presence)
            if wanted is agent.presence:
                return agent
            await agents.put(connection, organisation_id, login, wanted, now)
            if offer is not None and lead is not None and lead.state is LeadState.OFFERED:
                await self._pass(connection, offer, lead, Passed.AWAY, now)
            return await agents.get(connection, organisation_id, login)

    async def dial(self, organisation_id: int, lead_id: int, login: str, known: Catalogue) -> Lead | None:
        """Have a lead dialed for an agent; None if there is no such lead or login. Raises NotPossible."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            lead = await leads.get(connection, organisation_id, lead_id, lock=True)
            agent = await agents.get(connection, organisation_id, login, lock=True)
            if lead is None or agent is None:
                return None
            offer = await offers.get(connection, organisation_id, lead_id)
            mine = offer is not None and offer.login == login
            if mine and is_agreed(lead):
                return lead
            if mine and lead.state is LeadState.OFFERED:
                await offers.agree(connection, organisation_id, lead_id)
            else:
                lead = await self._pick(connection, lead, agent, offer, known, now)
            return await _write(connection, agreed(lead, login, now))

    async def skip(self, organisation_id: int, lead_id: int, login: str) -> Lead | None:
        """Have a lead offered to somebody else; None if there is no such lead. Raises NotPossible."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            lead = await leads.get(connection, organisation_id, lead_id, lock=True)
            if lead is None:
                return None
            offer = await offers.get(connection, organisation_id, lead_id)
            if offer is None or offer.login != login or lead.state is not LeadState.OFFERED:
                raise NotPossible(f"the lead is not offered to {login}: GET /v1/agents/{login}/offers tells what is")
            return await self._pass(connection, offer, lead, Passed.SKIPPED, now)

    async def _pick(
        self, connection: Any, lead: Lead, agent: Agent, before: Offer | None, known: Catalogue, now: datetime
    ) -> Lead:
        """A lead that waits for an agent's word is taken from the queue by a ready one."""
        process = known.processes.get(lead.process_id)
        previews = process is not None and process.policy.mode is Mode.PREVIEW
        if lead.state is not LeadState.SCHEDULED or not (lead.calltype in FOR_AGENTS or previews):
            raise NotPossible(f"the lead is {lead.state} and waits for no agent's word: only previews do")
        if agent.presence is not Presence.READY:
            raise NotPossible(
                f"{agent.login} is {agent.presence}: only who is ready, or has the lead offered, may dial"
            )
        await agents.put(connection, lead.organisation_id, agent.login, advance(agent.presence, Presence.RESERVED), now)
        await offers.put(connection, lead.organisation_id, lead.id, agent.login, now, None, before=before)
        return await _write(connection, offered(lead, agent.login, now, now))

    async def _pass(self, connection: Any, offer: Offer, lead: Lead, reason: Passed, now: datetime) -> Lead:
        await offers.take_back(connection, offer, now)
        return await _write(connection, passed(lead, offer.login or "", reason, now))


async def _write(connection: Any, told: Told) -> Lead:
    await move(connection, [told])
    return told.lead
