"""How much waits, in numbers that are cheap however much that is: each is counted up to a bound, by index alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from leadline.domain.pacing import CAP_DAYS
from leadline.domain.upsert import DueKind
from leadline.store.claims import PRIORITIES

BOUND: Final = 100_000
"""Rows of one process that are counted; more are told as that many."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is read, each as (labels, value)."""

    due: Sequence[tuple[int, str, int]]
    """Process, kind, rows whose time has come."""
    late: Sequence[tuple[int, str, float]]
    """Process, kind, seconds since the first of them was due."""
    held: Sequence[tuple[int, str, int]]
    """Process, rule, leads."""
    calls: Sequence[tuple[int, str, int]]
    """Process, trunk, attempts that have not ended."""
    answers: Sequence[tuple[int, str, int]]
    """Process, `answered` or `abandoned`, customers called ahead of agents over 30 days."""
    workers: int
    """Workers whose lease runs."""


async def read(connection: Any, processes: Sequence[int], now: datetime) -> Gauges:
    """All of them, for these processes."""
    due = await connection.fetch(
        """select process, kind, least(sum(found.rows), $5)::int as rows, min(found.first) as first
           from unnest($1::int[]) as process cross join unnest($2::text[]) as kind
           cross join unnest($3::smallint[]) as priority
           cross join lateral (
               select count(*) as rows, min(due_at) as first from (
                   select due_at from due where due.kind = kind.kind and process_id = process.process
                   and due.priority = priority.priority and due_at <= $4 order by due_at limit $5) as few) as found
           group by process, kind order by process, kind""",
        processes,
        [kind.value for kind in DueKind],
        PRIORITIES,
        now,
        BOUND,
    )
    held = await connection.fetch(
        """select process, held_by, count(*) as rows from unnest($1::int[]) as process
           cross join lateral (
               select held_by from lead where process_id = process and held_by is not null limit $2) as few
           group by process, held_by order by process, held_by""",
        processes,
        BOUND,
    )
    calls = await connection.fetch(
        """select process_id, trunk, count(*) as calls from attempt
           where state <> 'ended' and process_id = any($1::int[])
           group by process_id, trunk order by process_id, trunk""",
        processes,
    )
    answers = await connection.fetch(
        """select process_id, sum(answered)::int as answered, sum(abandoned)::int as abandoned from pacing_day
           where process_id = any($1::int[]) and day > $2 group by process_id order by process_id""",
        processes,
        now.date() - timedelta(days=CAP_DAYS),
    )
    workers = await connection.fetchval("select count(*) from worker where expires_at > clock_timestamp()")
    return Gauges(
        due=[(row["process"], row["kind"], row["rows"]) for row in due],
        late=[
            (row["process"], row["kind"], 0.0 if row["first"] is None else (now - row["first"]).total_seconds())
            for row in due
        ],
        held=[(row["process"], row["held_by"], row["rows"]) for row in held],
        calls=[(row["process_id"], row["trunk"], row["calls"]) for row in calls],
        answers=[(row["process_id"], what, row[what]) for row in answers for what in ("answered", "abandoned")],
        workers=workers,
    )
