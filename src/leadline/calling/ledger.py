"""What is written of a call while it is up, in order, and without the customer waiting for the database.

Changes that pile up while one is being written go into the next transaction together. While PostgreSQL is
away they are kept and written when it is back; the call goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import structlog

from leadline.calling.crash_points import Point, Reached, nothing
from leadline.clock import Clock
from leadline.domain.do_not_call import Listing, Origin
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.events import Event
from leadline.domain.lead import LEAD_MOVES, Lead, LeadState
from leadline.domain.telling import Said
from leadline.store import attempts, leads, listing
from leadline.store import events as event_store
from leadline.store.database import ENDED_FOR_OTHERS, Database

log = structlog.get_logger()

Measured = Callable[[Any], Awaitable[None]]
"""What is measured of the call, in the transaction of the connection that it is given."""
RETRY_AFTER: Final = 0.5
"""Seconds between two tries to reach a database that is away."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is new of an attempt: its columns, its lead's state if that moved, and the events that say so."""

    values: Mapping[str, Any]
    events: tuple[Event, ...]
    lead_state: LeadState | None = None
    listing: Listing | None = None
    """A number that is not to be called again."""
    measured: Measured | None = None


class Ledger:
    """The written record of one attempt."""

    def __init__(
        self, database: Database, clock: Clock, lead: Lead, attempt_id: UUID, reached: Reached = nothing
    ) -> None:
        self._database = database
        self._clock = clock
        self._lead = lead
        self._attempt_id = attempt_id
        self._reached = reached
        self._pending: list[Change] = []
        self._writing: asyncio.Task[None] | None = None

    def note(
        self,
        *said: Said,
        lead_state: LeadState | None = None,
        listing: Listing | None = None,
        measured: Measured | None = None,
        **values: Any,
    ) -> None:
        """Have this written, after everything noted before; returns at once."""
        now = self._clock.now()
        lead = self._lead
        told = tuple(
            Event(lead.organisation_id, lead.id, lead.opening, now, kind, {"attempt": self._attempt_id, **data})
            for kind, data in said
        )
        self._pending.append(Change(values, told, lead_state, listing, measured))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._drain(), name=f"call {self._attempt_id} ledger")

    async def settled(self) -> None:
        """Return when all that was noted is written."""
        if self._writing is not None:
            await self._writing

    async def _drain(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            await persist(lambda batch=batch: self._write(batch), self._clock)  # type: ignore[misc]

    async def _write(self, batch: list[Change]) -> None:
        values = {name: value for change in batch for name, value in change.values.items()}
        state = next((change.lead_state for change in reversed(batch) if change.lead_state), None)
        async with self._database.transaction() as connection:
            lead = await leads.get(connection, self._lead.organisation_id, self._lead.id, lock=True)
            # Before the report may be dropped: who does not want to be called is not, whatever became of the attempt.
            if listings := [change.listing for change in batch if change.listing]:
                await listing.put(connection, self._lead.organisation_id, listings, Origin.FLOW, self._clock.now())
            if not await attempts.change(connection, self._lead.organisation_id, self._attempt_id, values):
                log.warning("a late report of an attempt that has ended was dropped", attempt=str(self._attempt_id))
                return
            if lead is not None and state is not None and state in LEAD_MOVES[lead.state]:
                await leads.update(connection, [replace(lead, state=state, updated_at=self._clock.now())])
            await event_store.record(connection, [event for change in batch for event in change.events])
            for change in batch:
                if change.measured is not None:
                    await change.measured(connection)
            self._reached(Point.LEDGER_WRITTEN)
        self._reached(Point.LEDGER_COMMITTED)


async def persist(write: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Do a write, again and again while PostgreSQL does not take it: what happened on the phone is never forgotten.

    What is wrong with the write itself is raised: it would be so for ever.
    """
    said = False
    while True:
        try:
            await write()
        except (DatabaseUnavailable, *ENDED_FOR_OTHERS) as error:
            if not said:
                log.warning("a call's record waits for the database", reason=str(error))
            said = True
            await clock.sleep(RETRY_AFTER)
        else:
            return
