"""Processes paused and stopped, as rows, and how each stands: what waits, what is held, what is on the phone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from leadline.store.configuration import notify


class Order(StrEnum):
    """What a process may be told."""

    PAUSE = "pause"
    """Begin no call; those that are up go on."""
    RESUME = "resume"
    """Begin calls again."""
    STOP = "stop"
    """Begin no call, and hang up those that are up."""


_SETS: Final = {
    Order.PAUSE: "paused_at = coalesce(paused_at, $3)",
    Order.RESUME: "paused_at = null, stopped_at = null",
    Order.STOP: "paused_at = coalesce(paused_at, $3), stopped_at = coalesce(stopped_at, $3)",
}


async def write(connection: Any, organisation_id: int, process_id: int, order: Order, now: datetime) -> None:
    """Write the order, and tell every Leadline; claims under way are waited for, and later ones see it."""
    parameters = (organisation_id, process_id) if order is Order.RESUME else (organisation_id, process_id, now)
    await connection.execute(
        f"update process set {_SETS[order]} where organisation_id = $1 and id = $2",  # noqa: S608  (ours)
        *parameters,
    )
    await notify(connection)


async def is_paused(connection: Any, process_id: int) -> bool:
    """Whether no call may be begun; nobody changes that before this transaction has ended."""
    return bool(
        await connection.fetchval("select paused_at is not null from process where id = $1 for share", process_id)
    )


@dataclass(slots=True)
class Standing:
    """How a process stands."""

    paused: bool = False
    stopped: bool = False
    waiting: dict[str, dict[int, int]] = field(default_factory=dict)
    """Open leads by state and call type."""
    due_now: int = 0
    held: Counter[str] = field(default_factory=Counter)
    """Waiting leads by the rule that delays them."""
    calls: int = 0
    """Attempts that have not ended."""


async def flags(connection: Any, processes: Sequence[int]) -> dict[int, Standing]:
    """Whether each of these processes is paused and stopped, and nothing else of how it stands."""
    rows = await connection.fetch(
        "select id, paused_at is not null as paused, stopped_at is not null as stopped from process "
        "where id = any($1::int[])",
        processes,
    )
    return {row["id"]: Standing(row["paused"], row["stopped"]) for row in rows}


async def standings(connection: Any, processes: Sequence[int], now: datetime) -> Mapping[int, Standing]:
    """How each of these processes stands; reads every open lead of theirs."""
    found = await flags(connection, processes)
    rows = await connection.fetch(
        """select process_id, state, calltype, held_by, count(*) as leads,
                  count(*) filter (where due_at <= $2 and state = 'scheduled') as due
           from lead where process_id = any($1::int[]) and state <> 'closed'
           group by process_id, state, calltype, held_by""",
        processes,
        now,
    )
    for row in rows:
        standing = found[row["process_id"]]
        states = standing.waiting.setdefault(row["state"], {})
        states[row["calltype"]] = states.get(row["calltype"], 0) + row["leads"]
        standing.due_now += row["due"]
        if row["held_by"] is not None:
            standing.held[row["held_by"]] += row["leads"]
    for row in await connection.fetch(
        """select process_id, count(*) as calls from attempt
           where state <> 'ended' and process_id = any($1::int[]) group by process_id""",
        processes,
    ):
        found[row["process_id"]].calls = row["calls"]
    return found
