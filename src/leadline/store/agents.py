"""Agents as rows: the presence of each login, taken under lock, so that no agent is ever given to two customers.

A login without a row is logged out. Whoever becomes ready is told on the channel `due`: a customer may be waiting.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from leadline.domain.agent import Presence, advance, freed
from leadline.store.recall import recall


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A user of an organisation, and where they are."""

    login: str
    name: str | None
    role: str
    endpoint: str | None
    """A SIP URI, or a number in E.164."""
    presence: Presence
    since: datetime | None = None
    until: datetime | None = None
    """When the wrap-up ends."""
    attempt: UUID | None = None
    """The call that the agent was taken for."""


_SELECT: Final = """
    select login.login, name, role, endpoint, coalesce(presence, 'logged_out') as presence, since, until, attempt
    from login left join agent on agent.organisation_id = login.organisation_id and agent.login = login.login
    where login.organisation_id = $1 and retired_at is null"""


def _agent(row: Any) -> Agent:
    return Agent(**{**row, "presence": Presence(row["presence"])})


async def of_organisation(connection: Any, organisation_id: int) -> list[Agent]:
    """Everybody who may be an agent, by login."""
    return [_agent(row) for row in await connection.fetch(f"{_SELECT} order by login.login", organisation_id)]


async def get(connection: Any, organisation_id: int, login: str, *, lock: bool = False) -> Agent | None:
    """One agent; locked, a row is made of one who has none."""
    if lock:
        await connection.execute(
            """insert into agent (organisation_id, login, presence, since)
               select organisation_id, login, 'logged_out', now() from login
               where organisation_id = $1 and login = $2 and retired_at is null on conflict do nothing""",
            organisation_id,
            login,
        )
        await connection.execute(
            "select from agent where organisation_id = $1 and login = $2 for update", organisation_id, login
        )
    row = await connection.fetchrow(f"{_SELECT} and login.login = $2", organisation_id, login)
    return _agent(row) if row else None


async def idle(connection: Any, organisation_id: int, logins: Sequence[str] | None, most: int) -> list[Agent]:
    """Up to `most` ready agents of these, or of all, who can be called, longest idle first, locked."""
    rows = await connection.fetch(
        """select agent.login, name, role, endpoint, presence, since, until, attempt from agent
           join login on login.organisation_id = agent.organisation_id and login.login = agent.login
           where agent.organisation_id = $1 and (agent.login = any($2::text[]) or $2::text[] is null)
           and presence = 'ready' and retired_at is null and endpoint is not null
           order by since, agent.login limit $3 for update of agent skip locked""",
        organisation_id,
        logins,
        most,
    )
    return [_agent(row) for row in rows]


async def put(
    connection: Any,
    organisation_id: int,
    login: str,
    presence: Presence,
    now: datetime,
    *,
    attempt: UUID | None = None,
    until: datetime | None = None,
) -> None:
    """Write where a locked agent is from now on."""
    await connection.execute(
        """update agent set presence = $3, since = $4, attempt = $5, until = $6
           where organisation_id = $1 and login = $2""",
        organisation_id,
        login,
        presence.value,
        now,
        attempt,
        until,
    )
    if presence is Presence.READY:
        await recall(connection, organisation_id, login, now)
    if presence is Presence.READY or until is not None:
        await connection.execute("select pg_notify('due', '')")


async def reserve(
    connection: Any, organisation_id: int, logins: Sequence[str], attempt: UUID, now: datetime, *, behind: int = 0
) -> Agent | None:
    """Take the longest idle of these agents for a call, past as many as it is `behind` others; None if nobody is."""
    for agent in (await idle(connection, organisation_id, logins, behind + 1))[behind:]:
        presence = advance(agent.presence, Presence.RESERVED)
        await put(connection, organisation_id, agent.login, presence, now, attempt=attempt)
        return agent
    return None


async def anybody(connection: Any, organisation_id: int, logins: Sequence[str]) -> bool:
    """Whether one of these agents has logged in and can be called."""
    found: bool = await connection.fetchval(
        """select exists (select from agent join login on login.organisation_id = agent.organisation_id
                          and login.login = agent.login
                          where agent.organisation_id = $1 and agent.login = any($2::text[])
                          and presence <> 'logged_out' and retired_at is null and endpoint is not null)""",
        organisation_id,
        list(logins),
    )
    return found


async def presences(connection: Any, organisation_id: int, logins: Collection[str]) -> dict[str, Presence]:
    """Where these agents are; who has never logged in is not among them."""
    rows = await connection.fetch(
        "select login, presence from agent where organisation_id = $1 and login = any($2::text[])",
        organisation_id,
        list(logins),
    )
    return {row["login"]: Presence(row["presence"]) for row in rows}


async def reserved_for(connection: Any, organisation_id: int, attempt: UUID) -> Agent | None:
    """The agent who was taken for a call and is not on it yet."""
    row = await connection.fetchrow(f"{_SELECT} and attempt = $2 and presence = 'reserved'", organisation_id, attempt)
    return _agent(row) if row else None


async def connect(connection: Any, organisation_id: int, login: str, attempt: UUID, now: datetime) -> bool:
    """The agent is on the call; False if they are reserved for it no more."""
    agent = await get(connection, organisation_id, login, lock=True)
    if agent is None or agent.attempt != attempt or agent.presence is not Presence.RESERVED:
        return False
    presence = advance(agent.presence, Presence.ON_CALL)
    await put(connection, organisation_id, login, presence, now, attempt=attempt)
    return True


async def missed(connection: Any, organisation_id: int, login: str, attempt: UUID, now: datetime) -> None:
    """Pause an agent who was called and did not answer: the next customer is not to wait for the same phone."""
    agent = await get(connection, organisation_id, login, lock=True)
    if agent is not None and agent.attempt == attempt and agent.presence is Presence.RESERVED:
        await put(connection, organisation_id, login, advance(agent.presence, Presence.PAUSED), now)


async def free(
    connection: Any, organisation_id: int, attempt: UUID, now: datetime, wrap_up: timedelta = timedelta()
) -> timedelta | None:
    """Let go whoever was taken for a call that is over; returns how long they have talked, if they did."""
    talked = None
    rows = await connection.fetch(
        "select login, presence, since from agent where organisation_id = $1 and attempt = $2 for update",
        organisation_id,
        attempt,
    )
    for row in rows:
        presence = freed(Presence(row["presence"]), wraps_up=bool(wrap_up))
        until = now + wrap_up if presence is Presence.WRAP_UP else None
        if row["presence"] == Presence.ON_CALL:
            talked = now - row["since"]
        await put(connection, organisation_id, row["login"], presence, now, until=until)
    return talked


async def end_wrap_ups(connection: Any, now: datetime) -> datetime | None:
    """Make agents ready whose wrap-up is over; returns when the next one's ends."""
    rows = await connection.fetch(
        "select organisation_id, login from agent where presence = 'wrap_up' and until <= $1 for update skip locked",
        now,
    )
    for row in rows:
        await put(connection, row["organisation_id"], row["login"], advance(Presence.WRAP_UP, Presence.READY), now)
    until: datetime | None = await connection.fetchval(
        "select min(until) from agent where presence = 'wrap_up' and until > $1", now
    )
    return until
