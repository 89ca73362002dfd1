"""Leads as rows: found and locked by their keys, written together with what is due of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from leadline.domain.lead import ClosedReason, Lead, LeadState
from leadline.domain.upsert import due_rows
from leadline.domain.vendor import CallType, UpdateParameter

COLUMNS: Final = tuple(field.name for field in fields(Lead))
_TYPES: Final = {
    "organisation_id": "int", "id": "bigint", "process_id": "int", "media": "smallint", "calltype": "smallint",
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


async def lock_keys(connection: Any, process_id: int, parameter: UpdateParameter, keys: Iterable[str]) -> None:
    """Hold these keys until the transaction ends, so that two pushes at once make one lead of a key.

    Keys share `STRIPES` locks, taken in one order, so that no two pushes wait for each other.
    """
    await connection.execute(
        """select pg_advisory_xact_lock($1, stripe) from (
               select distinct hashtext($2 || key) & $4 as stripe from unnest($3::text[]) as key order by 1) as stripes""",
        process_id,
        parameter.value,
        list(keys),
        STRIPES - 1,
    )


async def find(
    connection: Any, process_id: int, parameter: UpdateParameter, keys: Sequence[str], *, lock: bool = True
) -> dict[str, Lead]:
    """The lead that each key names, locked: of several the newest open one, else the newest."""
    column = KEY_COLUMNS[parameter]
    rows = await connection.fetch(
        f"""select wanted.key as wanted_key, found.* from unnest($2::text[]) as wanted(key)
            cross join lateral (
                select * from lead where process_id = $1 and {column} = wanted.key
                order by (state = 'closed'), id desc limit 1 {"for update" if lock else ""}) as found""",  # noqa: S608
        process_id,
        sorted(keys),
    )
    return {row["wanted_key"]: from_row(row) for row in rows}


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
               select * from unnest($1::int[], $2::bigint[], $3::text[], $4::int[], $5::smallint[], $6::timestamptz[])""",
            *map(list, zip(*rows, strict=True)),
        )
        await connection.execute("select pg_notify('due', '')")


def _columns(leads: Sequence[Lead]) -> list[list[Any]]:
    return [[getattr(lead, name) for lead in leads] for name in COLUMNS]


def counted(lead: Lead, events: int) -> Lead:
    """The lead with so many more events to its name."""
    return replace(lead, events=lead.events + events)
