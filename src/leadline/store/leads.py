"""Leads as rows: found and locked by their keys, written together with what is due of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final
from zlib import crc32

from leadline.domain.lead import ClosedReason, Lead, LeadState
from leadline.domain.upsert import due_rows
from leadline.domain.vendor import CallType, UpdateParameter

COLUMNS: Final = tuple(field.name for field in fields(Lead))
_TYPES: Final = {
    "organisation_id": "int", "id": "bigint", "process_id": "int", "media": "smallint", "calltype": "smallint",
    "asked_calltype": "smallint",
    "opening": "int", "call_at": "timestamptz", "expires_at": "timestamptz", "due_at": "timestamptz",
    "fields": "json", "scheduled_by": "timestamptz", "events": "int", "created_at": "timestamptz",
    "updated_at": "timestamptz",
}  # fmt: skip
_ROWS: Final = ", ".join(f"${n}::{_TYPES.get(name, 'text')}[]" for n, name in enumerate(COLUMNS, 1))
_NAMES: Final = ", ".join(COLUMNS)
_CHANGED: Final = tuple(name for name in COLUMNS if name not in ("organisation_id", "id", "process_id", "created_at"))

KEY_COLUMNS: Final = {
    UpdateParameter.MOBILENUMBER: "number_key",
    UpdateParameter.CUSTOMERCODE: "customercode",
    UpdateParameter.CRMUNIQUEFIELD: "crm_key",
}
STRIPES: Final = 512
"""Advisory locks per process and key: enough that pushes seldom wait, few enough for PostgreSQL's lock table."""

INSERT: Final = f"insert into lead ({_NAMES}) select * from unnest({_ROWS})"  # noqa: S608  (names are ours)
UPDATE: Final = (
    f"update lead set {', '.join(f'{name} = new.{name}' for name in _CHANGED)} "  # noqa: S608
    f"from unnest({_ROWS}) as new({_NAMES}) where lead.organisation_id = new.organisation_id and lead.id = new.id"
)


def from_row(row: Mapping[str, Any]) -> Lead:
    """The lead of a row that has every column."""
    values = {name: row[name] for name in COLUMNS}
    reason = values["closed_reason"]
    values |= {"state": LeadState(values["state"]), "closed_reason": ClosedReason(reason) if reason else None}
    return Lead(**values)


class Moved(Exception):
    """A lead was changed while it was waited for, and may not be the one that its key names any more: look again."""


async def lock_keys(connection: Any, process_id: int, keys: Iterable[tuple[UpdateParameter, str]]) -> None:
    """Hold these keys until the transaction ends, so that two pushes at once make one lead of a key.

    Keys share `STRIPES` locks, taken in one order, so that no two pushes wait for each other.
    """
    stripes = {crc32(f"{parameter} {key}".encode()) % STRIPES for parameter, key in keys}
    await connection.execute(
        "select pg_advisory_xact_lock($1, stripe) from unnest($2::int[]) as stripe", process_id, sorted(stripes)
    )


async def find(connection: Any, process_id: int, parameter: UpdateParameter, keys: Iterable[str]) -> dict[str, Lead]:
    """The lead that each key names, locked: of several the newest open one, else the newest; raises Moved.

    Leads are locked in the order of their ids, whichever key found them, so that no two pushes wait for each other.
    """
    column = KEY_COLUMNS[parameter]
    rows = await connection.fetch(
        f"""select wanted.key as wanted_key, picked.closed as was_closed, lead.*
            from unnest($2::text[]) as wanted(key)
            cross join lateral (
                select organisation_id, id, state = 'closed' as closed from lead
                where process_id = $1 and {column} = wanted.key order by (state = 'closed'), id desc limit 1) as picked
            join lead on lead.organisation_id = picked.organisation_id and lead.id = picked.id
            order by lead.id for update of lead""",  # noqa: S608  (the column is ours)
        process_id,
        list(keys),
    )
    found = {}
    for row in rows:
        lead = from_row(row)
        if row[column] != row["wanted_key"] or (lead.state is LeadState.CLOSED) != row["was_closed"]:
            raise Moved
        found[row["wanted_key"]] = lead
    return found


async def new_ids(connection: Any, count: int) -> list[int]:
    """Ids for leads that are about to be inserted."""
    rows = await connection.fetch(
        "select nextval(pg_get_serial_sequence('lead', 'id')) as id from generate_series(1, $1::int)", count
    )
    return [row["id"] for row in rows]


async def insert(connection: Any, leads: Sequence[Lead]) -> None:
    """Write new leads, with what is due of them."""
    if leads:
        await connection.execute(INSERT, *_columns(leads))
        await _write_due(connection, leads)


async def update(connection: Any, leads: Sequence[Lead]) -> None:
    """Write leads over what is stored, and what is due of them over what was."""
    if leads:
        await connection.execute(UPDATE, *_columns(leads))
        await connection.execute(
            """delete from due using unnest($1::int[], $2::bigint[]) as gone(organisation_id, lead_id)
               where due.organisation_id = gone.organisation_id and due.lead_id = gone.lead_id""",
            [lead.organisation_id for lead in leads],
            [lead.id for lead in leads],
        )
        await _write_due(connection, leads)


async def get(connection: Any, organisation_id: int, lead_id: int, *, lock: bool = False) -> Lead | None:
    """One lead of one organisation."""
    row = await connection.fetchrow(
        f"select * from lead where organisation_id = $1 and id = $2 {'for update' if lock else ''}",  # noqa: S608
        organisation_id,
        lead_id,
    )
    return from_row(row) if row else None


async def _write_due(connection: Any, leads: Sequence[Lead]) -> None:
    rows = [
        (lead.organisation_id, lead.id, kind.value, lead.process_id, CallType(lead.calltype).priority, due_at)
        for lead in leads
        for kind, due_at in due_rows(lead)
    ]
    if rows:
        await connection.execute(
            """insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
               select * from
               unnest($1::int[], $2::bigint[], $3::text[], $4::int[], $5::smallint[], $6::timestamptz[])""",
            *map(list, zip(*rows, strict=True)),
        )
        await connection.execute("select pg_notify('due', '')")


def _columns(leads: Sequence[Lead]) -> list[list[Any]]:
    return [[getattr(lead, name) for lead in leads] for name in COLUMNS]


def counted(lead: Lead, events: int) -> Lead:
    """The lead with so many more events to its name."""
    return replace(lead, events=lead.events + events)
