"""Leads that a rule delays are looked at again once the rules have changed: their time may have come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from leadline.domain.events import EventKind
from leadline.domain.telling import told
from leadline.store import claims
from leadline.store.writing import move

BATCH: Final = 1_000
"""Leads that are held in memory at a time."""
REASON: Final = "the configuration has changed since it was held"


async def release(connection: Any, servicekeys: Sequence[str] | None, now: datetime) -> None:
    """Have held leads of these processes, or of all, judged at once; what still delays them holds them again."""
    last, said = 0, (EventKind.LEAD_SCHEDULED, {"due_at": now, "reason": REASON})
    while held := await claims.held(connection, servicekeys, now, last, BATCH):
        last = held[-1].id
        await move(connection, [told(lead.but(due_at=now, held_by=None), now, said) for lead in held])
