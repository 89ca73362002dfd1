"""Leads that a rule delays are looked at again once the rules have changed: their time may have come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from leadline.domain.events import Event, EventKind
from leadline.store import claims, events, leads

BATCH: Final = 1_000
"""Leads that are held in memory at a time."""
REASON: Final = "the configuration has changed since it was held"


async def release(connection: Any, servicekeys: Sequence[str] | None, now: datetime) -> None:
    """Have held leads of these processes, or of all, judged at once; what still delays them holds them again."""
    last = 0
    while held := await claims.held(connection, servicekeys, now, last, BATCH):
        last = held[-1].id
        due = [leads.counted(replace(lead, due_at=now, held_by=None, updated_at=now), 1) for lead in held]
        await leads.update(connection, due)
        data = {"due_at": now, "reason": REASON}
        told = [
            (lead.events, Event(lead.organisation_id, lead.id, lead.opening, now, EventKind.LEAD_SCHEDULED, data))
            for lead in due
        ]
        await events.write(connection, told)
