"""Leads that a rule delays are looked at again once the rules have changed: their time may have come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from leadline.domain.events import Event, EventKind
from leadline.domain.lead import Lead
from leadline.store import claims, leads
from leadline.store.writing import move

BATCH: Final = 1_000
"""Leads that are held in memory at a time."""
REASON: Final = "the configuration has changed since it was held"


async def release(connection: Any, servicekeys: Sequence[str] | None, now: datetime) -> None:
    """Have held leads of these processes, or of all, judged at once; what still delays them holds them again."""
    last = 0
    while held := await claims.held(connection, servicekeys, now, last, BATCH):
        last = held[-1].id
        await move(connection, [_released(lead, now) for lead in held])


def _released(lead: Lead, now: datetime) -> tuple[Lead, Event]:
    due = leads.counted(lead.but(due_at=now, held_by=None, updated_at=now), 1)
    data = {"due_at": now, "reason": REASON}
    return due, Event(lead.organisation_id, lead.id, lead.opening, now, EventKind.LEAD_SCHEDULED, data)
