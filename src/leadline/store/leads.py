"""Leads as rows: found and locked by their keys, written together with what is due of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from leadline.domain.lead import ClosedReason, Lead, LeadState
from leadline.domain.upsert import DueKind, due_rows
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


def written(due: str, *, new: str | None = None, changed: str | None = None) -> str:
    """The SQL that writes JSON arrays of leads and of what is due of them (`due_of`), as parts of a statement.

    JSON, since one array of it costs both sides less than thirty arrays of columns.
    """
    wanted = f"""
    wanted as materialized (
        select {_DUE} from json_to_recordset({due}::json) as given(organisation_id int, lead_id bigint, kind text,
            process_id int, priority smallint, due_at timestamptz)),
    put as (insert into due ({_DUE}) select {_DUE} from wanted {_OVER_DUE if changed else ""})"""  # noqa: S608  (ours)
    inserted = f""",
    new as (insert into lead ({_NAMES}) select {_NAMES} from json_to_recordset({new}::json) as given({_RECORD}))
    """  # noqa: S608  (ours)
    updated = f""",
    changed as (
        update lead set {", ".join(f"{name} = given.{name}" for name in _CHANGED)}
        from json_to_recordset({changed}::json) as given({_RECORD})
        where lead.organisation_id = given.organisation_id and lead.id = given.id
        returning lead.organisation_id, lead.id, lead.state),
    gone as (
        delete from due using changed where due.organisation_id = changed.organisation_id and due.lead_id = changed.id
        and not exists (select from wanted where wanted.lead_id = due.lead_id and wanted.kind = due.kind
                        and wanted.organisation_id = due.organisation_id))"""  # noqa: S608  (ours)
    return f"{wanted}{inserted if new else ''}{updated if changed else ''}"


_DUE: Final = "organisation_id, lead_id, kind, process_id, priority, due_at"
_OVER_DUE: Final = """
        on conflict (organisation_id, lead_id, kind) do update
        set process_id = excluded.process_id, priority = excluded.priority, due_at = excluded.due_at"""
_SOON: Final = "select kind from wanted where due_at < now() + interval '1 minute'"
WAKE: Final = f"select pg_notify('due', kind) from ({_SOON} group by kind) as told"  # noqa: S608  (ours)
"""The rest of that statement. What is due later need not be told: every stage looks twice a minute at least."""
WAKE_OVER: Final = f"""
    select pg_notify('due', kind) from ({_SOON} union select '{DueKind.OFFER}'
        from changed join offer on offer.organisation_id = changed.organisation_id and lead_id = changed.id
        where login is not null and state <> 'offered') as told"""  # noqa: S608  (ours)
"""The same where leads are changed: an agent is waiting who has one of them on the desk, and is offered it no more."""


def from_row(row: Mapping[str, Any]) -> Lead:
    """The lead of a row that has every column, and maybe more."""
    values = dict(row)
    if len(values) > len(COLUMNS):
        values = {name: values[name] for name in COLUMNS}
    reason = values["closed_reason"]
    return Lead.new(values, state=LeadState(values["state"]), closed_reason=ClosedReason(reason) if reason else None)


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


async def update(connection: Any, leads: Sequence[Lead]) -> None:
    """Write leads over what is stored, and what is due of them over what was."""
    if leads:
        await connection.execute(_UPDATE, leads, due_of(leads))


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


_UPDATE: Final = f"with {written('$2', changed='$1')} {WAKE_OVER}"
