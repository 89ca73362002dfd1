"""Events as rows: appended in the transaction of the change that they tell of, numbered per lead."""

from collections.abc import Sequence
from typing import Any, Final

from leadline.domain.events import Event


def rows(numbered: Sequence[tuple[int, Event]]) -> list[dict[str, Any]]:
    """Events with the `seq` that the caller has counted, as JSON has them."""
    return [
        {
            "organisation_id": event.organisation_id,
            "lead_id": event.lead_id,
            "opening": event.opening,
            "seq": seq,
            "at": event.at,
            "kind": event.kind,
            "data": event.data,
        }
        for seq, event in numbered
    ]


def insert_from(parameter: str, *, new: bool = False) -> str:
    """The SQL that appends a JSON array of rows, in its order; `new` spares those of new leads a look at what is there.

    The feed's order is that of transaction numbers, and a transaction that drew its number early may write what
    follows upon the commit of a later one: of a lead, no event is to stand before the one that it follows.
    """
    return f"""
        insert into event (organisation_id, lead_id, opening, seq, at, kind, data{"" if new else ", position"})
        select organisation_id, lead_id, opening, seq, at, kind, data{"" if new else _POSITION}
        from json_to_recordset({parameter}::json) as told(organisation_id int, lead_id bigint, opening int, seq int,
            at timestamptz, kind text, data jsonb)"""  # noqa: S608  (ours)


async def write(connection: Any, numbered: Sequence[tuple[int, Event]]) -> None:
    """Append events whose `seq` the caller has counted, with the lead's `events` to match."""
    if numbered:
        await connection.execute(_INSERT, rows(numbered))


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
    return [rendered(row) for row in rows]


def rendered(row: Any) -> dict[str, Any]:
    """An event as it is read back: its own names, and those of its data."""
    return {**row["data"], **{name: row[name] for name in ("id", "at", "kind", "lead_id", "opening", "seq")}}


_POSITION: Final = """, greatest(
            (select base from feed) + pg_current_xact_id()::text::bigint,
            (select position from event as before
             where before.organisation_id = told.organisation_id and before.lead_id = told.lead_id
             and before.seq < told.seq order by before.seq desc limit 1))"""
_INSERT: Final = insert_from("$1")
