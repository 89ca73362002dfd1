"""After a crash: what a dead worker had on the phone ends as `unknown`, and is never silently dialed again."""

from typing import Final

import structlog

from leadline.calling.closing import Ending, close_attempt
from leadline.clock import Clock
from leadline.domain.attempt import Outcome
from leadline.domain.policy import RetryPolicy
from leadline.store import attempts, legs, workers
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.store.workers import Standing

log = structlog.get_logger()

REASON: Final = "the worker that held the call is gone: whether the phone rang cannot be known"


async def reconcile(database: Database, catalogue: Catalogue, standing: Standing, clock: Clock) -> int:
    """Conclude every open attempt of a worker that is gone; returns how many there were."""
    async with database.transaction() as connection:
        dead = await workers.gone(connection, standing)
        orphans = await attempts.orphans(connection, dead) if dead else []
        for orphan in orphans:
            process = catalogue.processes.get(orphan["process_id"])
            retry = process.policy.retry if process else RetryPolicy()
            ending = Ending(orphan["id"], Outcome.UNKNOWN, {}, reason=REASON)
            await close_attempt(connection, orphan["organisation_id"], orphan["lead_id"], ending, retry, clock.now())
        await legs.forget(connection, dead)
        await workers.forget(connection, dead)
    if orphans:
        log.warning("attempts of workers that are gone were ended as unknown", workers=dead, attempts=len(orphans))
    return len(orphans)
