"""The push log: what was pushed and how, and every record that was refused, verbatim."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol


class Refused(Protocol):
    """What the log tells of a refused record."""

    @property
    def index(self) -> int: ...
    @property
    def code(self) -> str | None: ...
    @property
    def field(self) -> str | None: ...
    @property
    def message(self) -> str | None: ...


def row(
    organisation_id: int,
    process_id: int,
    at: datetime,
    transport: str,
    requestid: str,
    request: Mapping[str, Any],
    counts: Mapping[str, int],
    rejected: Sequence[tuple[Refused, Any]],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """A push, to be kept in the transaction that stores it; `request` is what it said beside its records.

    Nearly every push has nothing refused and no warnings: null is spared the reading that PostgreSQL gives an array.
    """
    return {
        "organisation_id": organisation_id,
        "process_id": process_id,
        "at": at,
        "transport": transport,
        "requestid": requestid,
        "request": request,
        "counts": counts,
        "rejected": [
            {"index": r.index, "code": r.code, "field": r.field, "message": r.message, "record": record}
            for r, record in rejected
        ]
        or None,
        "warnings": warnings or None,
    }


def insert_from(parameter: str) -> str:
    """The SQL that inserts a JSON array of rows."""
    return f"""
        insert into push (organisation_id, process_id, at, transport, requestid, request, counts, rejected, warnings)
        select organisation_id, process_id, at, transport, requestid, request, counts,
            coalesce(rejected, '[]'), coalesce(warnings, '[]')
        from json_to_recordset({parameter}::json) as logged(organisation_id int, process_id int, at timestamptz,
            transport text, requestid text, request json, counts jsonb, rejected json, warnings jsonb)"""  # noqa: S608  (ours)


async def forget(connection: Any, before: datetime, most: int) -> int:
    """Delete up to `most` pushes that are older, and return how many there were."""
    done = await connection.execute(
        "delete from push where ctid in (select ctid from push where at < $1 limit $2)", before, most
    )
    return int(done.split()[-1])
