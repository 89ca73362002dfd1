"""Leads as a CRM pulls them: by a key, or by when they were stored, oldest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from leadline.domain.lead import Lead
from leadline.store import attempts
from leadline.store.leads import from_row

_COLUMNS: Final = frozenset({"number_key", "customercode", "crm_key"})


@dataclass(frozen=True, slots=True)
class Query:
    """Which leads of a process are asked for: those with `value` in `column`, or those stored in a range."""

    process_id: int
    column: str | None = None
    value: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int = 1_000
    after: int = 0
    """The id that the page begins behind."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """Some leads with their attempts, by the lead's id; `next` is the id to go on behind, None at the end."""

    leads: Sequence[Lead]
    attempts: Mapping[int, Sequence[Mapping[str, Any]]]
    next: int | None


async def pull(connection: Any, organisation_id: int, query: Query) -> Pulled:
    """One page of an organisation's leads."""
    values: tuple[Any, ...]
    if query.column is None:
        condition, values = "created_at >= $5 and created_at < $6", (query.since, query.before)
    elif query.column in _COLUMNS:
        condition, values = f"{query.column} = $5", (query.value,)
    else:
        raise ValueError(f"leads are not pulled by {query.column}")
    rows = await connection.fetch(
        f"""select * from lead where organisation_id = $1 and process_id = $2 and id > $3 and {condition}
            order by id limit $4""",  # noqa: S608  (the columns are ours)
        organisation_id,
        query.process_id,
        query.after,
        query.limit + 1,
        *values,
    )
    found = [from_row(row) for row in rows[: query.limit]]
    tried = await attempts.of_leads(connection, organisation_id, [lead.id for lead in found])
    return Pulled(found, tried, found[-1].id if len(rows) > query.limit else None)
