"""Processes paused and stopped, as rows."""

from collections.abc import Sequence
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
    """Whether no call may be begun; nobody changes that before this transaction has ended.

    The statements that follow in it are planned once for all transactions: planning takes longer than doing them.
    """
    return bool(
        await connection.fetchval(
            """select paused_at is not null, set_config('plan_cache_mode', 'force_generic_plan', true)
               from process where id = $1 for share""",
            process_id,
        )
    )


async def flags(connection: Any, processes: Sequence[int]) -> dict[int, tuple[bool, bool]]:
    """Whether each of these processes is paused, and whether it is stopped."""
    rows = await connection.fetch(
        "select id, paused_at is not null as paused, stopped_at is not null as stopped from process "
        "where id = any($1::int[])",
        processes,
    )
    return {row["id"]: (row["paused"], row["stopped"]) for row in rows}
