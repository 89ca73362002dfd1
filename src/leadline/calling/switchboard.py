"""Whom a customer can be connected to now: an agent taken from the ready ones, or a number with a line to it.

Agents are taken in the database, so that no two workers give one agent to two customers. Whoever waits for one is
woken when somebody becomes ready.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from leadline.calling.ledger import persist
from leadline.calling.lines import Line, Lines
from leadline.calling.pacing import Meter
from leadline.calling.ticket import Ticket
from leadline.clock import Clock
from leadline.domain.flow import Transfer
from leadline.store import agents, pacing
from leadline.store.agents import Agent
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.telephony.engine import Invite

LOOK_AGAIN: Final = 1.0
"""Seconds after which somebody who waits looks again unasked."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who is about to be called; `login` is None for a number."""

    login: str | None
    target: str
    line: Line
    invite: Invite

    @property
    def told(self) -> dict[str, str]:
        """What events say of them."""
        who = {"login": self.login} if self.login else {"number": self.target}
        return {"leg": self.invite.attempt_id, **who}


class Switchboard:
    """Finds and frees parties for the calls of one worker."""

    def __init__(self, database: Database, clock: Clock, catalogue: Callable[[], Catalogue], lines: Lines) -> None:
        self._database, self._clock, self._catalogue, self._lines = database, clock, catalogue, lines
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Somebody may have become ready."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, seconds: float) -> None:
        """Wait until somebody may have become ready, for so long at most."""
        try:
            async with asyncio.timeout(min(seconds, LOOK_AGAIN)):
                await self._changed.wait()
        except TimeoutError:
            return

    async def rest(self) -> None:
        """Wait before another try of what could not be done: an agent who is let go wakes everybody, us among them."""
        await self._clock.sleep(LOOK_AGAIN)

    async def find(self, ticket: Ticket, wanted: Transfer, seconds: float) -> Party | None:
        """Somebody to be called within so many seconds, taken for this call; None if there is nobody now."""
        if wanted.number is not None:
            return await self._party(ticket, None, wanted.number, seconds)
        agent = await self._take(ticket, wanted)
        if agent is None or agent.endpoint is None:
            return None
        party = await self._party(ticket, agent.login, agent.endpoint, seconds)
        if party is None:
            await self.free(ticket)
            await self.rest()
        return party

    async def expects(self, ticket: Ticket, wanted: Transfer) -> bool:
        """Whether waiting may help: somebody who is wanted has logged in, and can be called."""
        organisation_id = ticket.lead.organisation_id
        logins = [*([wanted.agent] if wanted.agent else []), *self._queue(organisation_id, wanted.queue)]
        async with self._database.connection() as connection:
            return await agents.anybody(connection, organisation_id, logins)

    async def connected(self, ticket: Ticket, party: Party) -> None:
        """The party has answered and talks to the customer."""
        login, organisation_id = party.login, ticket.lead.organisation_id
        if login is None:
            return

        async def write() -> None:
            async with self._database.transaction() as connection:
                await agents.connect(connection, organisation_id, login, ticket.attempt_id, self._clock.now())

        await persist(write, self._clock)

    async def missed(self, ticket: Ticket, party: Party) -> None:
        """The party was called and did not answer."""
        login, organisation_id = party.login, ticket.lead.organisation_id
        if login is None:
            return

        async def write() -> None:
            async with self._database.transaction() as connection:
                await agents.missed(connection, organisation_id, login, ticket.attempt_id, self._clock.now())

        await persist(write, self._clock)

    async def free(self, ticket: Ticket) -> None:
        """Whoever was taken for this call is on it no more."""

        async def write() -> None:
            async with self._database.transaction() as connection:
                wrap_up, now = ticket.process.policy.agents.wrap_up, self._clock.now()
                organisation_id, attempt = ticket.lead.organisation_id, ticket.attempt_id
                talked = await agents.free(connection, organisation_id, attempt, now, wrap_up)
                await Meter(ticket.process).ended(connection, now, talked=talked)

        await persist(write, self._clock)

    async def _take(self, ticket: Ticket, wanted: Transfer) -> Agent | None:
        """The agent whom the call was made for, else the one that is named, else the longest idle of the queue.

        Where it is dialed ahead several customers may wait for one agent: who waits longest is first.
        """
        organisation_id, attempt = ticket.lead.organisation_id, ticket.attempt_id
        async with self._database.transaction() as connection:
            if agent := await agents.reserved_for(connection, organisation_id, attempt):
                return agent
            ahead = Meter(ticket.process).runs and ticket.agent is None
            behind = await pacing.turn(connection, ticket.process.id, attempt) if ahead else 0
            for logins in ([wanted.agent] if wanted.agent else [], self._queue(organisation_id, wanted.queue)):
                now = self._clock.now()
                if agent := await agents.reserve(connection, organisation_id, logins, attempt, now, behind=behind):
                    return agent
        return None

    def _queue(self, organisation_id: int, servicekey: str | None) -> list[str]:
        process = self._catalogue().process_of(servicekey) if servicekey else None
        return list(process.policy.users) if process and process.organisation_id == organisation_id else []

    async def _party(self, ticket: Ticket, login: str | None, target: str, seconds: float) -> Party | None:
        line = await self._lines.seize(ticket, target, self._clock.now())
        if line is None:
            return None
        headers = {"X-Leadline-Beside": str(ticket.attempt_id), "X-Leadline-Lead": str(ticket.lead.id)}
        if ticket.lead.number:
            # Not as the caller id: baresip keeps every one it has had, and there are few of ours but many customers.
            headers["P-Asserted-Identity"] = f"<tel:{ticket.lead.number}>"
        invite = Invite(str(uuid4()), line.uri, seconds, ticket.process.policy.caller_id, line.account, headers)
        return Party(login, target, line, invite)
