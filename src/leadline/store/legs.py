"""Second legs over trunks, as rows: a customer joined with a number takes one more slot, and everybody sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Leg:
    """A second leg that is about to be called, and who calls it."""

    organisation_id: int
    id: UUID
    trunk: str
    worker: str


async def begin(connection: Any, leg: Leg) -> None:
    """Write a leg, in the transaction in which its slot was counted."""
    await connection.execute(
        "insert into leg (organisation_id, id, trunk, worker) values ($1, $2, $3, $4)",
        leg.organisation_id,
        leg.id,
        leg.trunk,
        leg.worker,
    )


async def sent(connection: Any, leg: Leg) -> None:
    """Its INVITE has left."""
    await connection.execute(
        "update leg set sent_at = clock_timestamp() where organisation_id = $1 and id = $2", leg.organisation_id, leg.id
    )


async def end(connection: Any, leg: Leg) -> None:
    """It is over; those that have been for long, and count no more, are cleared away."""
    await connection.execute(
        "update leg set ended_at = clock_timestamp() where organisation_id = $1 and id = $2",
        leg.organisation_id,
        leg.id,
    )
    await connection.execute(
        """delete from leg where (organisation_id, id) in (
               select organisation_id, id from leg where ended_at < clock_timestamp() - interval '1 minute'
               for update skip locked)"""
    )


async def forget(connection: Any, workers: Sequence[str]) -> None:
    """Drop the legs of workers that are gone."""
    await connection.execute("delete from leg where worker = any($1::text[])", list(workers))
