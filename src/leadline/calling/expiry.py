"""Leads whose time is over close as `expired`, at the moment it is, whether or not anybody would have called them."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from leadline.clock import Clock
from leadline.domain.events import EventKind
from leadline.domain.lead import ClosedReason, Lead, LeadState, advance
from leadline.domain.telling import Told, told
from leadline.domain.upsert import DueKind
from leadline.store import claims
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.store.rounds import Rounds
from leadline.store.writing import move

BATCH: Final = 200
LONGEST_WAIT: Final = 30.0
"""Seconds after which the stage looks again unasked."""
LOCKED: Final = 0.05
"""Seconds until it looks again for leads that somebody else holds."""


class ExpiryStage:
    """Closes what has expired; a lead on the phone is not disturbed, its conclusion decides."""

    def __init__(self, database: Database, clock: Clock, catalogue: Callable[[], Catalogue]) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self.rounds = Rounds("expiry")

    def wake(self) -> None:
        """Look at once: a lead may expire earlier than any before."""
        self.rounds.wake()

    async def run(self) -> None:
        """Work for ever; while PostgreSQL is away, wait for it."""
        await self.rounds.run(self._round)

    async def _round(self) -> float:
        """Close the next batch, if there is one; returns how long nothing is to be done, in seconds."""
        processes = list(self._catalogue().processes)
        now = self._clock.now()
        async with self._database.connection() as connection:
            ready = await claims.ready(connection, DueKind.EXPIRY, processes, now)
            following = await claims.next_due(connection, DueKind.EXPIRY, processes, now)
        for priority, process_id in ready:
            if await self._close(process_id, priority, now):
                return 0.0
        if ready:
            return LOCKED
        return LONGEST_WAIT if following is None else min(LONGEST_WAIT, max(0.0, (following - now).total_seconds()))

    async def _close(self, process_id: int, priority: int, now: datetime) -> int:
        async with self._database.transaction() as connection:
            taken = await claims.take(connection, DueKind.EXPIRY, process_id, priority, now, BATCH)
            await move(connection, [_expired(lead, now) for lead in taken])
        return len(taken)


def _expired(lead: Lead, now: datetime) -> Told:
    state, reason = advance(lead.state, LeadState.CLOSED), ClosedReason.EXPIRED
    closed = lead.but(state=state, closed_reason=reason, due_at=None, held_by=None)
    why = f"the lead expired at {lead.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return told(closed, now, (EventKind.LEAD_CLOSED, {"reason": reason, "rule": "expiry", "why": why}))
