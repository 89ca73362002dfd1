"""Offers as rows: which agent has which lead on their desk, and who has passed on it already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadline.domain.agent import Presence
from leadline.domain.upsert import DueKind
from leadline.store import agents, do_not_call
from leadline.store.claims import Drawn


@dataclass(frozen=True, slots=True)
class Offer:
    """A lead, and the agent whose word it waits for."""

    organisation_id: int
    lead_id: int
    login: str | None
    """None while it is on nobody's desk; the row remembers who has passed on it."""
    passed: tuple[str, ...]
    offered_at: datetime
    until: datetime | None
    """When it passes on; None once the agent has agreed."""


def _offer(row: Any) -> Offer:
    return Offer(**{**row, "passed": tuple(row["passed"])})


async def get(connection: Any, organisation_id: int, lead_id: int) -> Offer | None:
    """The offer of a lead that is locked."""
    row = await connection.fetchrow(
        "select * from offer where organisation_id = $1 and lead_id = $2", organisation_id, lead_id
    )
    return _offer(row) if row else None


async def of_agent(connection: Any, organisation_id: int, login: str) -> Offer | None:
    """What is on an agent's desk."""
    row = await connection.fetchrow(
        "select * from offer where organisation_id = $1 and login = $2", organisation_id, login
    )
    return _offer(row) if row else None


async def put(
    connection: Any,
    organisation_id: int,
    lead_id: int,
    login: str,
    now: datetime,
    until: datetime | None,
    *,
    before: Offer | None,
) -> None:
    """Lay a lead on an agent's desk; with no `until` it is agreed to. Whose desk it was on `before` is let go."""
    if before is not None and before.login != login:
        await take_back(connection, before, now)
    await connection.execute(
        """insert into offer (organisation_id, lead_id, login, offered_at, until) values ($1, $2, $3, $4, $5)
           on conflict (organisation_id, lead_id) do update
           set login = excluded.login, offered_at = excluded.offered_at, until = excluded.until""",
        organisation_id,
        lead_id,
        login,
        now,
        until,
    )


async def agree(connection: Any, organisation_id: int, lead_id: int) -> None:
    """The agent has spoken: the offer does not pass on any more."""
    await connection.execute(
        "update offer set until = null where organisation_id = $1 and lead_id = $2", organisation_id, lead_id
    )


async def take_back(connection: Any, offer: Offer, now: datetime) -> None:
    """Clear the agent's desk, remembering who it was, and let them go if they still are at it."""
    if offer.login is None:
        return
    await connection.execute(
        """update offer set login = null, until = null, passed = array_append(passed, login)
           where organisation_id = $1 and lead_id = $2""",
        offer.organisation_id,
        offer.lead_id,
    )
    agent = await agents.get(connection, offer.organisation_id, offer.login, lock=True)
    if agent is not None and agent.presence is Presence.RESERVED and agent.attempt is None:
        await agents.put(connection, offer.organisation_id, offer.login, Presence.READY, now)


async def forget_passes(connection: Any, organisation_id: int, lead_ids: Sequence[int]) -> None:
    """Everybody may be asked again."""
    await connection.execute(
        "delete from offer where organisation_id = $1 and lead_id = any($2::bigint[]) and login is null",
        organisation_id,
        list(lead_ids),
    )


async def of_leads(connection: Any, organisation_id: int, lead_ids: Sequence[int]) -> dict[int, Offer]:
    """The offers of these leads, by lead."""
    rows = await connection.fetch(
        "select * from offer where organisation_id = $1 and lead_id = any($2::bigint[])",
        organisation_id,
        list(lead_ids),
    )
    return {row["lead_id"]: _offer(row) for row in rows}


async def attach(connection: Any, organisation_id: int, attempts: Mapping[int, UUID], now: datetime) -> None:
    """Turn agreed offers into calls: each agent is reserved for the attempt on the lead."""
    rows = await connection.fetch(
        "delete from offer where organisation_id = $1 and lead_id = any($2::bigint[]) returning lead_id, login",
        organisation_id,
        list(attempts),
    )
    for row in rows:
        if row["login"] is not None:
            attempt = attempts[row["lead_id"]]
            await agents.put(connection, organisation_id, row["login"], Presence.RESERVED, now, attempt=attempt)


async def out_of_date(connection: Any, now: datetime) -> list[Offer]:
    """Offers whose time is over, and those whose lead is offered no more (cancelled, expired, listed)."""
    rows = await connection.fetch(
        """select offer.* from offer join lead on lead.organisation_id = offer.organisation_id and lead.id = lead_id
           where login is not null and (until <= $1 or state <> 'offered') order by lead_id""",
        now,
    )
    return [_offer(row) for row in rows]


async def next_until(connection: Any) -> datetime | None:
    """When the next offer passes on."""
    until: datetime | None = await connection.fetchval("select min(until) from offer where until is not null")
    return until


async def waiting(
    connection: Any,
    kind: DueKind,
    process_id: int,
    now: datetime,
    own: Sequence[str],
    *,
    anybody: bool,
    free_since: datetime | None,
    most: int,
) -> list[Drawn]:
    """Up to `most` due leads in the order of the queue, locked: those whose own agent is one of `own`, those that have
    none if `anybody` may have them, and those that have been due since `free_since`.
    """
    rows = await connection.fetch(
        f"""with picked as materialized (
               select due.organisation_id, lead_id, due.priority, due.due_at from due
               join lead on lead.organisation_id = due.organisation_id and lead.id = due.lead_id
               where kind = $1 and due.process_id = $2 and due.due_at <= $3
               and (userlogin = any($4::text[]) or (userlogin is null and $7) or due.due_at <= $5)
               order by due.priority, due.due_at limit $6 for update of due skip locked)
           select lead.*, {do_not_call.listing_of("lead", "$2", "$3")} as everywhere from picked
           join lead on lead.organisation_id = picked.organisation_id and lead.id = picked.lead_id
           order by picked.priority, picked.due_at for update of lead skip locked""",  # noqa: S608  (ours)
        kind.value,
        process_id,
        now,
        list(own),
        free_since,
        most,
        anybody,
    )
    return [Drawn.of(row) for row in rows]
