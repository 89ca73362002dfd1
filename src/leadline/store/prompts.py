"""Prompts as rows: audio by the hash of what it says, made once per organisation; and the leads that wait for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadline.domain.lead import Lead
from leadline.domain.upsert import DueKind
from leadline.store.leads import from_row


async def present(connection: Any, organisation_id: int, keys: Iterable[bytes]) -> set[bytes]:
    """Those of `keys` whose audio is there."""
    rows = await connection.fetch(
        "select key from prompt where organisation_id = $1 and key = any($2::bytea[])", organisation_id, list(keys)
    )
    return {row["key"] for row in rows}


async def audio(connection: Any, organisation_id: int, keys: Iterable[bytes]) -> dict[bytes, bytes]:
    """The audio of each key that is there: signed 16-bit mono PCM at 8,000 Hz."""
    rows = await connection.fetch(
        "select key, audio from prompt where organisation_id = $1 and key = any($2::bytea[])",
        organisation_id,
        list(keys),
    )
    return {row["key"]: row["audio"] for row in rows}


async def write(connection: Any, organisation_id: int, made: Mapping[bytes, bytes], now: datetime) -> None:
    """Keep audio; what is there already stays. Written in one order, so that no two writers wait for each other."""
    await connection.executemany(
        "insert into prompt (organisation_id, key, audio, created_at) values ($1, $2, $3, $4) on conflict do nothing",
        [(organisation_id, key, pcm, now) for key, pcm in sorted(made.items())],
    )


async def relock(connection: Any, leads: Sequence[Lead]) -> list[Lead]:
    """These leads as they are now, locked; in the order of their ids, as pushes lock them, so that neither waits
    for the other in a circle."""
    rows = await connection.fetch(
        """select lead.* from unnest($1::int[], $2::bigint[]) as wanted(organisation_id, id)
           join lead on lead.organisation_id = wanted.organisation_id and lead.id = wanted.id
           order by lead.organisation_id, lead.id for update of lead""",
        [lead.organisation_id for lead in leads],
        [lead.id for lead in leads],
    )
    return [from_row(row) for row in rows]


async def release(
    connection: Any, processes: Iterable[int], priorities: Iterable[int], held_by: Iterable[str], now: datetime
) -> None:
    """Have leads of these priorities that one of these rules holds back from their audio looked at now.

    What is locked is passed over.
    """
    await connection.execute(
        """update due set due_at = $4 from (
               select due.organisation_id, due.lead_id from due
               join lead on lead.organisation_id = due.organisation_id and lead.id = due.lead_id
               where due.kind = $1 and due.process_id = any($2::int[]) and due.priority = any($5::smallint[])
               and due.due_at > $4 and lead.held_by = any($3::text[]) for update of due skip locked) as held
           where due.kind = $1 and due.organisation_id = held.organisation_id and due.lead_id = held.lead_id""",
        DueKind.PROMPT.value,
        list(processes),
        list(held_by),
        now,
        list(priorities),
    )
