"""Who is there to talk to the customers of one claim: agents who agreed to a lead, or who are ready for the next one.

A `progressive` process dials one customer for each ready agent; the two are given to each other in the claim's own
transaction, so that nobody is called for whom there is no agent. A `message` process has no crew, and needs none.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadline.domain.agent import Presence, advance, given_up, own_agent
from leadline.domain.lead import Lead
from leadline.domain.policy import Fallback, Mode
from leadline.domain.upsert import DueKind
from leadline.domain.vendor import CallType
from leadline.store import agents, offers
from leadline.store.agents import Agent
from leadline.store.catalogue import Process
from leadline.store.offers import Offer

MOST_READY: Final = 1_000
"""Ready agents that are looked at."""


class Crew:
    """The agents at the disposal of one claim."""

    def __init__(self, process: Process, kind: DueKind, ready: Sequence[Agent]) -> None:
        self._process, self._kind = process, kind
        self._ready = list(ready)
        self._offers: Mapping[int, Offer] = {}
        self._presences: Mapping[str, Presence] = {}
        self._taken: dict[str, UUID] = {}

    @classmethod
    async def muster(cls, connection: Any, process: Process, kind: DueKind) -> "Crew":
        """Those who are ready now, locked until the transaction ends: all, since a callback may be for any of them."""
        ready: list[Agent] = []
        if kind is DueKind.CALL and process.policy.mode is Mode.PROGRESSIVE:
            ready = await agents.idle(connection, process.organisation_id, process.policy.users, MOST_READY)
        return cls(process, kind, ready)

    @property
    def needed(self) -> bool:
        """Whether every call of the claim is to have an agent."""
        return self._kind is DueKind.AGREED or self._process.policy.mode is Mode.PROGRESSIVE

    def room(self, most: int) -> int:
        """How many customers may be called."""
        return min(most, len(self._ready)) if self.needed and self._kind is DueKind.CALL else most

    async def meet(self, connection: Any, leads: Sequence[Lead]) -> None:
        """Look up whom these leads are for."""
        organisation_id = self._process.organisation_id
        if self._kind is DueKind.AGREED:
            self._offers = await offers.of_leads(connection, organisation_id, [lead.id for lead in leads])
        elif self.needed:
            own = {lead.userlogin for lead in leads if lead.userlogin is not None}
            self._presences = await agents.presences(connection, organisation_id, own)

    def presence_of(self, lead: Lead) -> Presence | None:
        """Where the agent is whom the call waits for; None if it waits for nobody in particular."""
        return None if self._kind is DueKind.AGREED else own_agent(lead, self._process.policy, self._presences)

    def choose(self, lead: Lead, now: datetime) -> str | None:
        """The agent who is to have this customer, if there is one."""
        if self._kind is DueKind.AGREED:
            offer = self._offers.get(lead.id)
            return offer.login if offer else None
        ready = [agent for agent in self._ready if agent.login not in self._taken]
        own = next((agent.login for agent in ready if agent.login == lead.userlogin), None)
        if own is not None:
            return own
        if lead.userlogin is not None and lead.calltype == CallType.CALLBACK:
            rules = self._process.policy.agents
            if not given_up(lead, rules, now):
                return None
            if rules.callback_fallback is Fallback.SUPERVISOR:
                ready = [agent for agent in ready if agent.role == "supervisor"]
        return ready[0].login if ready else None

    def give(self, login: str, attempt: UUID) -> None:
        """The agent is taken for this attempt."""
        self._taken[login] = attempt

    async def settle(
        self, connection: Any, attempts: Mapping[int, UUID], put_off: Collection[int], now: datetime
    ) -> None:
        """Write who is taken for which attempt, and let those go whose customer is not called after all."""
        organisation_id = self._process.organisation_id
        if self._kind is not DueKind.AGREED:
            for login, attempt in self._taken.items():
                presence = advance(Presence.READY, Presence.RESERVED)
                await agents.put(connection, organisation_id, login, presence, now, attempt=attempt)
            return
        await offers.attach(connection, organisation_id, attempts, now)
        for lead_id, offer in self._offers.items():
            if lead_id not in attempts and lead_id not in put_off:
                await offers.take_back(connection, offer, now)
                await offers.forget_passes(connection, organisation_id, [lead_id])
