"""Claims: due leads taken under lock, so that no two dialers ever hold one; and when to look again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from leadline.domain.lead import Lead
from leadline.domain.upsert import DueKind
from leadline.store.leads import from_row


async def ready(connection: Any, kind: DueKind, processes: Sequence[int], now: datetime) -> list[tuple[int, int]]:
    """Which processes have something due, with its priority, in the order in which they are to be served.

    One look into the index for each process and priority, however much is due: `limit` keeps the planner to it.
    """
    rows = await connection.fetch(
        """select priority, process from unnest($2::int[]) as process cross join unnest($3::smallint[]) as priority
           cross join lateral (select due_at from due where kind = $1 and process_id = process
                               and due.priority = priority.priority and due_at <= $4
                               order by due_at limit 1) as first
           order by priority, first.due_at""",
        kind.value,
        list(processes),
        PRIORITIES,
        now,
    )
    return [(row["priority"], row["process"]) for row in rows]


PRIORITIES = [0, 1, 2, 3]


async def next_due(connection: Any, kind: DueKind, processes: Sequence[int], now: datetime) -> datetime | None:
    """When the next thing becomes due that is not so now."""
    instant: datetime | None = await connection.fetchval(
        """select min(first.due_at) from unnest($2::int[]) as process, unnest($3::smallint[]) as priority
           cross join lateral (select due_at from due where kind = $1 and process_id = process
                               and due.priority = priority.priority and due_at > $4
                               order by due_at limit 1) as first""",
        kind.value,
        list(processes),
        PRIORITIES,
        now,
    )
    return instant


async def take(connection: Any, kind: DueKind, process_id: int, priority: int, now: datetime, most: int) -> list[Lead]:
    """Up to `most` due leads, longest due first, locked with their due rows until the transaction ends.

    What another transaction holds is passed over. Due row first, then lead, neither waited for: a push that
    holds the lead and wants its due row cannot meet us in a circle.
    """
    rows = await connection.fetch(
        """with picked as materialized (
               select organisation_id, lead_id, due_at from due
               where kind = $1 and process_id = $2 and priority = $3 and due_at <= $4
               order by due_at limit $5 for update skip locked)
           select lead.* from picked
           join lead on lead.organisation_id = picked.organisation_id and lead.id = picked.lead_id
           order by picked.due_at for update of lead skip locked""",
        kind.value,
        process_id,
        priority,
        now,
        most,
    )
    return [from_row(row) for row in rows]


async def postpone(connection: Any, kind: DueKind, leads: Sequence[Lead], until: datetime) -> None:
    """Look at these due rows again later; the leads themselves are as they were."""
    await connection.execute(
        """update due set due_at = $4 from unnest($2::int[], $3::bigint[]) as late(organisation_id, lead_id)
           where kind = $1 and due.organisation_id = late.organisation_id and due.lead_id = late.lead_id""",
        kind.value,
        [lead.organisation_id for lead in leads],
        [lead.id for lead in leads],
        until,
    )


async def held(connection: Any, servicekeys: Sequence[str] | None, now: datetime, after: int, most: int) -> list[Lead]:
    """Leads that a rule delays, of these processes or of all, locked, with ids after one, by their ids.

    What another transaction holds is passed over.
    """
    rows = await connection.fetch(
        """select lead.* from due
           join lead on lead.organisation_id = due.organisation_id and lead.id = due.lead_id
           join process on process.id = lead.process_id
           where due.kind = any($1::text[]) and due.due_at > $2 and held_by is not null and state = 'scheduled'
           and (servicekey = any($3::text[]) or $3::text[] is null) and lead.id > $4
           order by lead.id limit $5 for update of lead skip locked""",
        [DueKind.CALL.value, DueKind.OFFER.value],
        now,
        servicekeys,
        after,
        most,
    )
    return [from_row(row) for row in rows]
