"""Leads as they are read back: by the API, by the terminal, by whoever asks what became of a customer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leadline.domain.lead import Lead, status_number
from leadline.store import attempts
from leadline.store.leads import from_row

_SHOWN: Final = (
    "media", "calltype", "state", "closed_reason", "opening", "number", "mobilenumber", "name", "fname", "lname",
    "emailid", "customercode", "leadnumber", "language", "timezone", "userlogin", "due_at", "expires_at", "held_by",
    "fields", "created_at", "updated_at",
)  # fmt: skip
_COLUMNS: Final = frozenset({"state", "number_key", "customercode", "crm_key"})


@dataclass(frozen=True, slots=True)
class Query:
    """Which leads are asked for: those of `processes`, by any of the values that each process's entry gives.

    `before` is the id that the page begins below: newest first.
    """

    processes: Mapping[int, Mapping[str, str]]
    """Process id to what its leads must have: state, number_key, customercode, crm_key."""
    limit: int = 50
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some leads, and where the next page begins."""

    items: Sequence[Mapping[str, Any]]
    next: int | None = field(default=None)


async def page(connection: Any, organisation_id: int, servicekeys: Mapping[int, str], query: Query) -> Page:
    """One page of an organisation's leads, newest first."""
    parameters: list[Any] = [organisation_id]

    def place(value: Any) -> str:
        parameters.append(value)
        return f"${len(parameters)}"

    either = []
    for process_id, wanted in query.processes.items():
        if unknown := wanted.keys() - _COLUMNS:
            raise ValueError(f"leads are not asked for by {unknown}")
        conditions = [f"process_id = {place(process_id)}"]
        conditions += [f"{column} = {place(value)}" for column, value in wanted.items()]
        either.append(" and ".join(conditions))
    if not either:
        return Page([])
    below = f"and id < {place(query.before)}" if query.before is not None else ""
    rows = await connection.fetch(
        f"select * from lead where organisation_id = $1 and (({') or ('.join(either)})) {below} "  # noqa: S608  (names are ours)
        f"order by id desc limit {place(query.limit + 1)}",
        *parameters,
    )
    found = [from_row(row) for row in rows[: query.limit]]
    tried = await attempts.of_leads(connection, organisation_id, [lead.id for lead in found])
    items = [view(lead, servicekeys.get(lead.process_id), tried.get(lead.id, [])) for lead in found]
    return Page(items, found[-1].id if len(rows) > query.limit else None)


async def one(
    connection: Any, organisation_id: int, servicekeys: Mapping[int, str], lead_id: int
) -> Mapping[str, Any] | None:
    """One lead of an organisation; None if it has no such lead."""
    row = await connection.fetchrow(
        "select * from lead where organisation_id = $1 and id = $2", organisation_id, lead_id
    )
    if row is None:
        return None
    lead = from_row(row)
    tried = await attempts.of_leads(connection, organisation_id, [lead_id])
    return view(lead, servicekeys.get(lead.process_id), tried.get(lead_id, []))


async def organisation_of(connection: Any, lead_id: int) -> int | None:
    """Whose lead this is: for the operator's terminal, which asks by the id alone."""
    found: int | None = await connection.fetchval("select organisation_id from lead where id = $1 limit 1", lead_id)
    return found


def view(lead: Lead, servicekey: str | None, tried: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A lead as it is shown."""
    shown = {name: getattr(lead, name) for name in _SHOWN}
    return {
        "id": lead.id,
        "servicekey": servicekey,
        "status": status_number(lead.state, lead.calltype),
        **shown,
        "attempts": list(tried),
    }
