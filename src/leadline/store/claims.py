"""Claims: due leads taken under lock, so that no two dialers ever hold one; and when to look again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.lead import Lead
from leadline.domain.telling import Told
from leadline.domain.upsert import DueKind
from leadline.domain.vendor import CallType
from leadline.store import attempts, do_not_call, events, leads
from leadline.store.attempts import Attempt
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


class Front(Struct, frozen=True):
    """The first row of a queue, be its time come or not; a queue is what is due of one kind, process and priority."""

    kind: DueKind
    process_id: int
    priority: int
    due_at: datetime


async def fronts(connection: Any, asked: Sequence[Front]) -> list[Front]:
    """The first row of each of these queues, of those that are due then or later.

    One look into the index for each queue, whatever is in it.
    """
    rows = await connection.fetch(
        """select place, first.due_at
           from unnest($1::text[], $2::int[], $3::smallint[], $4::timestamptz[]) with ordinality
               as asked(kind, process, priority, since, place)
           cross join lateral (select due_at from due where due.kind = asked.kind and process_id = asked.process
                               and due.priority = asked.priority and due_at >= asked.since
                               order by due_at limit 1) as first""",
        [front.kind.value for front in asked],
        [front.process_id for front in asked],
        [front.priority for front in asked],
        [front.due_at for front in asked],
    )
    return [replace(asked[row["place"] - 1], due_at=row["due_at"]) for row in rows]


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


def _pick(due: str) -> str:
    """The SQL that locks due rows, then their leads, and waits for neither.

    A push that holds the lead and wants its due row cannot meet us in a circle.
    """
    return f"""
    picked as materialized (
        select organisation_id, lead_id, due_at from due
        where kind = $1 and process_id = $2 and priority = $3 and {due}
        order by due_at limit $5 for update skip locked),
    held as materialized (
        select lead.* from picked
        join lead on lead.organisation_id = picked.organisation_id and lead.id = picked.lead_id
        order by picked.due_at for update of lead skip locked)"""  # noqa: S608  (ours)


_TAKE: Final = f"with {_pick('due_at <= $4')} select * from held"  # noqa: S608  (ours)
_DRAW: Final = f"""
    with {_pick("due_at between $7 and $4")},
    gone as (
        delete from due using held
        where due.organisation_id = held.organisation_id and due.lead_id = held.id and due.kind = $1)
    select held.*, {do_not_call.listing_of("held", "$2", "$4")} as everywhere,
           {attempts.congested_of("held", "$6")} as congested
    from held"""  # noqa: S608  (ours)


async def take(connection: Any, kind: DueKind, process_id: int, priority: int, now: datetime, most: int) -> list[Lead]:
    """Up to `most` due leads, longest due first, locked with their due rows until the transaction ends.

    What another transaction holds is passed over.
    """
    rows = await connection.fetch(_TAKE, kind.value, process_id, priority, now, most)
    return [from_row(row) for row in rows]


class Drawn(Struct, frozen=True):
    """A lead of a queue, locked, and what is written elsewhere that decides whether it is dialed."""

    lead: Lead
    listed: DoNotCallList | None
    """A do-not-call list that its number is on."""
    congested: Collection[str] = ()
    """Trunks that have lately been congested for it."""

    @classmethod
    def of(cls, row: Any) -> "Drawn":
        """What a row says: `everywhere` by `do_not_call.listing_of`, and `congested`, if that was asked for."""
        everywhere = row["everywhere"]
        listed = None if everywhere is None else do_not_call.list_of(everywhere=everywhere)
        return cls(from_row(row), listed, row.get("congested", ()))


async def draw(connection: Any, front: Front, now: datetime, most: int, since: datetime) -> list[Drawn]:
    """What `take` would take of a queue from its first row on, and out of it: what is not written to be due again is
    so no more.

    `since` is how far back a trunk counts as congested. All in one statement: whoever dials waits for it.
    """
    queue = (front.kind.value, front.process_id, front.priority)
    rows = await connection.fetch(_DRAW, *queue, now, most, since, front.due_at)
    return [Drawn.of(row) for row in rows]


_WRITE: Final = f"""
    with {leads.written("$2", changed="$1")},
    told as ({events.insert_from("$3")}),
    begun as ({attempts.insert_from("$4")})
    {leads.WAKE}"""


async def write(connection: Any, told: Sequence[Told], begun: Sequence[Attempt]) -> None:
    """What a claim has come to: leads with what is due of them, their events, and the attempts that are to be made."""
    if told:
        changed = [each.lead for each in told]
        said = events.rows([event for each in told for event in each.events])
        await connection.execute(_WRITE, changed, leads.due_of(changed), said, begun)


async def put_back(connection: Any, kind: DueKind, drawn: Sequence[Lead], until: datetime) -> None:
    """Have leads that were drawn looked at again later; they themselves are as they were."""
    await connection.execute(
        """insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
           select organisation_id, lead_id, $1, process_id, priority, $6
           from unnest($2::int[], $3::bigint[], $4::int[], $5::smallint[])
               as late(organisation_id, lead_id, process_id, priority)""",
        kind.value,
        [lead.organisation_id for lead in drawn],
        [lead.id for lead in drawn],
        [lead.process_id for lead in drawn],
        [CallType(lead.calltype).priority for lead in drawn],
        until,
    )


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
