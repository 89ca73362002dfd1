"""The push log: what was pushed, and every record that was refused, verbatim."""

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


async def write(
    connection: Any,
    organisation_id: int,
    process_id: int,
    at: datetime,
    transport: str,
    requestid: str,
    counts: Mapping[str, int],
    rejected: Sequence[tuple[Refused, Any]],
) -> None:
    """Keep a push, in the transaction that stores it."""
    await connection.execute(
        """insert into push (organisation_id, process_id, at, transport, requestid, counts, rejected)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        organisation_id,
        process_id,
        at,
        transport,
        requestid,
        counts,
        [
            {"index": r.index, "code": r.code, "field": r.field, "message": r.message, "record": record}
            for r, record in rejected
        ],
    )
