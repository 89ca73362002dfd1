"""Who is there to talk to the customers of one claim: agents who agreed to a lead, or who are ready for the next one.

A `progressive` process dials one customer for each ready agent; the two are given to each other in the claim's own
transaction, so that nobody is called for whom there is no agent. A `predictive` process dials ahead: whoever answers
is given to who is free then, and only a callback that is one agent's own has its agent before the call. A `message`
process has no crew, and needs none.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadline.calling import pacing
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

    def __init__(self, process: Process, kind: DueKind, ready: Sequence[Agent], room: int | None = None) -> None:
        self._process, self._kind, self._room = process, kind, room
        self._ready = list(ready)
        self._offers: Mapping[int, Offer] = {}
        self._presences: Mapping[str, Presence] = {}
        self._taken: dict[str, UUID] = {}

    @classmethod
    async def muster(cls, connection: Any, process: Process, kind: DueKind, now: datetime) -> "Crew":
        """Those who are ready now, locked until the transaction ends: all, since a callback may be for any of them.

        Where it is dialed ahead they stay free for customers who are waiting, and what is locked is the pacing.
        """
        if kind is DueKind.CALL and process.policy.mode is Mode.PROGRESSIVE:
            ready = await agents.idle(connection, process.organisation_id, process.policy.users, MOST_READY)
            return cls(process, kind, ready, len(ready))
        if kind is DueKind.CALL and process.policy.mode is Mode.PREDICTIVE:
            return cls(process, kind, (), await pacing.room(connection, process, now))
        return cls(process, kind, ())

    @property
    def needed(self) -> bool:
        """Whether every call of the claim is to have an agent."""
        return self._kind is DueKind.AGREED or self._process.policy.mode is Mode.PROGRESSIVE

    def room(self, most: int) -> int:
        """How many customers may be called."""
        return most if self._room is None else min(most, self._room)

    def lacks(self, lead: Lead, agent: str | None, now: datetime) -> bool:
        """Whether the call is to have an agent before it is made, and has none."""
        if agent is not None or self.needed:
            return agent is None
        if not (self._ahead and _is_own(lead)):
            return False
        rules = self._process.policy.agents
        return rules.callback_fallback is not Fallback.ANY or not given_up(lead, rules, now)

    @property
    def _ahead(self) -> bool:
        return self._kind is DueKind.CALL and self._process.policy.mode is Mode.PREDICTIVE

    async def meet(self, connection: Any, leads: Sequence[Lead]) -> None:
        """Look up whom these leads are for."""
        organisation_id, policy = self._process.organisation_id, self._process.policy
        if self._kind is DueKind.AGREED:
            self._offers = await offers.of_leads(connection, organisation_id, [lead.id for lead in leads])
        elif self.needed or self._ahead:
            own = {lead.userlogin for lead in leads if lead.userlogin is not None}
            self._presences = await agents.presences(connection, organisation_id, own)
            if self._ahead and any(map(_is_own, leads)):
                anybody = policy.agents.callback_fallback is Fallback.SUPERVISOR
                wanted = policy.users if anybody else sorted(own.intersection(policy.users))
                self._ready = await agents.idle(connection, organisation_id, wanted, MOST_READY)

    def presence_of(self, lead: Lead) -> Presence | None:
        """Where the agent is whom the call waits for; None if it waits for nobody in particular."""
        return None if self._kind is DueKind.AGREED else own_agent(lead, self._process.policy, self._presences)

    def choose(self, lead: Lead, now: datetime) -> str | None:
        """The agent who is to have this customer, if there is one."""
        if self._kind is DueKind.AGREED:
            offer = self._offers.get(lead.id)
            return offer.login if offer else None
        if self._ahead and not _is_own(lead):
            return None
        ready = [agent for agent in self._ready if agent.login not in self._taken]
        own = next((agent.login for agent in ready if agent.login == lead.userlogin), None)
        if own is not None:
            return own
        if _is_own(lead):
            rules = self._process.policy.agents
            if not given_up(lead, rules, now):
                return None
            if rules.callback_fallback is Fallback.SUPERVISOR:
                ready = [agent for agent in ready if agent.role == "supervisor"]
            elif self._ahead:
                return None
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


def _is_own(lead: Lead) -> bool:
    """Whether it is a callback that one agent has promised."""
    return lead.userlogin is not None and lead.calltype == CallType.CALLBACK
