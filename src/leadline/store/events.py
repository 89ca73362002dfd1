"""Events as rows: appended in the transaction of the change that they tell of, numbered per lead."""

from collections.abc import Sequence
from typing import Any

from leadline.domain.events import Event

_INSERT = """
    insert into event (organisation_id, lead_id, opening, seq, at, kind, data)
    select * from unnest($1::int[], $2::bigint[], $3::int[], $4::int[], $5::timestamptz[], $6::text[], $7::jsonb[])"""


async def write(connection: Any, numbered: Sequence[tuple[int, Event]]) -> None:
    """Append events whose `seq` the caller has counted, with the lead's `events` to match."""
    if numbered:
        await connection.execute(
            _INSERT,
            [event.organisation_id for _, event in numbered],
            [event.lead_id for _, event in numbered],
            [event.opening for _, event in numbered],
            [seq for seq, _ in numbered],
            [event.at for _, event in numbered],
            [event.kind.value for _, event in numbered],
            [event.data for _, event in numbered],
        )


async def record(connection: Any, events: Sequence[Event]) -> None:
    """Append events of one lead, counting on from what it has."""
    if not events:
        return
    first = events[0]
    total = await connection.fetchval(
        "update lead set events = events + $3 where organisation_id = $1 and id = $2 returning events",
        first.organisation_id,
        first.lead_id,
        len(events),
    )
    await write(connection, [(total - len(events) + n, event) for n, event in enumerate(events, 1)])


async def timeline(connection: Any, organisation_id: int, lead_id: int) -> list[dict[str, Any]]:
    """Everything that happened to a lead, in order."""
    rows = await connection.fetch(
        """select id, at, kind, lead_id, opening, seq, data from event
           where organisation_id = $1 and lead_id = $2 order by seq""",
        organisation_id,
        lead_id,
    )
    return [_rendered(row) for row in rows]


async def feed(connection: Any, organisation_id: int, after: int, limit: int) -> list[dict[str, Any]]:
    """The organisation's events after an id, oldest first."""
    rows = await connection.fetch(
        """select id, at, kind, lead_id, opening, seq, data from event
           where organisation_id = $1 and id > $2 order by id limit $3""",
        organisation_id,
        after,
        limit,
    )
    return [_rendered(row) for row in rows]


def _rendered(row: Any) -> dict[str, Any]:
    return {**row["data"], **{name: row[name] for name in ("id", "at", "kind", "lead_id", "opening", "seq")}}
