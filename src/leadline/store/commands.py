"""Commands to the workers that hold live calls: written by whoever decides, done by the worker, gone with the attempt.

A command lives until its attempt has ended, so that neither the death of a worker nor of its database loses one.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID


class CommandKind(StrEnum):
    """What a worker may be told of a call that it holds."""

    HANGUP = "hangup"
    """End the call; its outcome decides what becomes of the lead, as ever."""
    CANCEL = "cancel"
    """End the call and close the lead as cancelled, whatever the outcome."""


class Command(NamedTuple):
    """One command."""

    id: int
    attempt_id: UUID
    kind: CommandKind


async def to_lead(connection: Any, organisation_id: int, lead_id: int, kind: CommandKind, now: datetime) -> int:
    """Tell it to the workers that have this lead on the phone; returns how many calls that is."""
    return await _send(connection, "lead_id", organisation_id, lead_id, kind, now)


async def to_process(connection: Any, organisation_id: int, process_id: int, kind: CommandKind, now: datetime) -> int:
    """Tell it to the workers of every call of this process that is up; returns how many calls that is."""
    return await _send(connection, "process_id", organisation_id, process_id, kind, now)


async def _send(
    connection: Any, column: str, organisation_id: int, value: int, kind: CommandKind, now: datetime
) -> int:
    calls: int = await connection.fetchval(
        f"""with sent as (
                insert into command (organisation_id, attempt_id, worker, kind, at)
                select organisation_id, id, worker, $3, $4 from attempt
                where state <> 'ended' and organisation_id = $1 and {column} = $2 returning 1)
            select count(*) from sent""",  # noqa: S608  (the column is ours)
        organisation_id,
        value,
        kind.value,
        now,
    )
    if calls:
        await connection.execute("select pg_notify('command', '')")
    return calls


async def of_worker(connection: Any, worker: str) -> list[Command]:
    """What this worker is told of calls that have not ended, in order."""
    rows = await connection.fetch("select id, attempt_id, kind from command where worker = $1 order by id", worker)
    return [Command(row["id"], row["attempt_id"], CommandKind(row["kind"])) for row in rows]


async def settle(connection: Any, organisation_id: int, attempt_id: UUID) -> frozenset[CommandKind]:
    """What was told of an attempt, taken away: it has ended."""
    rows = await connection.fetch(
        "delete from command where organisation_id = $1 and attempt_id = $2 returning kind",
        organisation_id,
        attempt_id,
    )
    return frozenset(CommandKind(row["kind"]) for row in rows)
