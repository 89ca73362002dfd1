"""Leads as rows: found and locked by their keys, written together with what is due of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from leadline.domain.lead import ClosedReason, Lead, LeadState
from leadline.domain.upsert import due_rows
from leadline.domain.vendor import PRIORITIES, UpdateParameter

COLUMNS: Final = tuple(field.name for field in fields(Lead))
_TYPES: Final = {
    "organisation_id": "int", "id": "bigint", "process_id": "int", "media": "smallint", "calltype": "smallint",
    "asked_calltype": "smallint",
    "opening": "int", "call_at": "timestamptz", "expires_at": "timestamptz", "due_at": "timestamptz",
    "fields": "json", "scheduled_by": "timestamptz", "events": "int", "created_at": "timestamptz",
    "updated_at": "timestamptz",
}  # fmt: skip
_NAMES: Final = ", ".join(COLUMNS)
_CHANGED: Final = tuple(name for name in COLUMNS if name not in ("organisation_id", "id", "process_id", "created_at"))

KEY_COLUMNS: Final = {
    UpdateParameter.MOBILENUMBER: "number_key",
    UpdateParameter.CUSTOMERCODE: "customercode",
    UpdateParameter.CRMUNIQUEFIELD: "crm_key",
}
_RECORD: Final = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)

WRITE: Final = f"""
    new as (
        insert into lead ({_NAMES}) select {_NAMES} from json_to_recordset($1::json) as given({_RECORD})),
    changed as (
        update lead set {", ".join(f"{name} = given.{name}" for name in _CHANGED)}
        from json_to_recordset($2::json) as given({_RECORD})
        where lead.organisation_id = given.organisation_id and lead.id = given.id
        returning lead.organisation_id, lead.id),
    wanted as materialized (
        select * from json_to_recordset($3::json) as given(organisation_id int, lead_id bigint, kind text,
            process_id int, priority smallint, due_at timestamptz)),
    gone as (
        delete from due using changed where due.organisation_id = changed.organisation_id and due.lead_id = changed.id
        and not exists (select from wanted where wanted.lead_id = due.lead_id and wanted.kind = due.kind
                        and wanted.organisation_id = due.organisation_id)),
    put as (
        insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
        select organisation_id, lead_id, kind, process_id, priority, due_at from wanted
        on conflict (organisation_id, lead_id, kind) do update
        set process_id = excluded.process_id, priority = excluded.priority, due_at = excluded.due_at)"""  # noqa: S608
"""Parts of a statement that writes leads, $1 new and $2 changed, and $3, what is due of them (`due_of`); JSON, since
one array of it costs both sides less than thirty arrays of columns, and no more than COPY."""
WAKE: Final = """
    select pg_notify('due', '') where exists (select from wanted where due_at < now() + interval '1 minute')"""
"""The rest of that statement. What is due later need not be told: every stage looks twice a minute at least."""


def from_row(row: Mapping[str, Any]) -> Lead:
    """The lead of a row that has every column."""
    values = {name: row[name] for name in COLUMNS}
    reason = values["closed_reason"]
    values |= {"state": LeadState(values["state"]), "closed_reason": ClosedReason(reason) if reason else None}
    return Lead(**values)


async def find(connection: Any, process_id: int, parameter: UpdateParameter, keys: Iterable[str]) -> dict[str, Lead]:
    """The lead that each key names, as it is now: of several the newest open one, else the newest."""
    column = KEY_COLUMNS[parameter]
    rows = await connection.fetch(
        f"""select wanted.key as wanted_key, newest.* from unnest($2::text[]) as wanted(key)
            cross join lateral (
                select * from lead where process_id = $1 and {column} = wanted.key
                order by (state = 'closed'), id desc limit 1) as newest""",  # noqa: S608  (the column is ours)
        process_id,
        list(keys),
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
        await connection.execute(_WRITE_LEADS, leads, [], due_of(leads))


async def update(connection: Any, leads: Sequence[Lead]) -> None:
    """Write leads over what is stored, and what is due of them over what was."""
    if leads:
        await connection.execute(_WRITE_LEADS, [], leads, due_of(leads))


async def get(connection: Any, organisation_id: int, lead_id: int, *, lock: bool = False) -> Lead | None:
    """One lead of one organisation."""
    row = await connection.fetchrow(
        f"select * from lead where organisation_id = $1 and id = $2 {'for update' if lock else ''}",  # noqa: S608
        organisation_id,
        lead_id,
    )
    return from_row(row) if row else None


_PRIORITIES: Final = {int(calltype): priority for calltype, priority in PRIORITIES.items()}


def due_of(leads: Iterable[Lead]) -> list[dict[str, Any]]:
    """The due rows of leads, as JSON has them."""
    return [
        {
            "organisation_id": lead.organisation_id,
            "lead_id": lead.id,
            "kind": kind,
            "process_id": lead.process_id,
            "priority": _PRIORITIES[lead.calltype],
            "due_at": due_at,
        }
        for lead in leads
        for kind, due_at in due_rows(lead)
    ]


def counted(lead: Lead, events: int) -> Lead:
    """The lead with so many more events to its name."""
    return lead.but(events=lead.events + events)


_WRITE_LEADS: Final = f"with {WRITE} {WAKE}"
