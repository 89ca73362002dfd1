"""Control: processes paused, resumed and stopped, leads cancelled, closed and called at another time, by hand.

A call that is up is held by its worker, to whom a command is written; nobody else touches it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from leadline.clock import Clock
from leadline.domain.control import MOVABLE, WAITING, cancelled, rescheduled
from leadline.domain.lead import Lead, LeadState
from leadline.domain.telling import Told
from leadline.store import bulk, commands, control, leads, writing
from leadline.store.bulk import Change, Choice, Count
from leadline.store.catalogue import Process
from leadline.store.commands import CommandKind
from leadline.store.control import Order
from leadline.store.database import Database

BATCH: Final = 500
"""Leads of one transaction of a bulk change."""
PASSES: Final = 20
"""How often leads that others held are asked for again."""
HELD: Final = 0.05
"""Seconds between two passes."""

Move = Callable[[Lead, datetime], Told]


class Cancelling(StrEnum):
    """What came of a word to cancel a lead."""

    CANCELLED = "cancelled"
    HANGING_UP = "hanging_up"
    """It is on the phone: its worker hangs up, and closes it."""
    UNCHANGED = "unchanged"
    """It was closed already."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a bulk change came to."""

    count: Count
    """As it was before."""
    changed: int
    left: int
    """Leads that others held all the time: the same again takes them."""


class Control:
    """Does what an operator says."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def order(self, process: Process, order: Order) -> int:
        """Pause, resume or stop a process; returns how many calls are being hung up."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            await control.write(connection, process.organisation_id, process.id, order, now)
            if order is not Order.STOP:
                return 0
            # In this order: a claim that was under way has been waited for, and its attempts are seen here.
            return await commands.to_process(connection, process.organisation_id, process.id, CommandKind.HANGUP, now)

    async def cancel(self, organisation_id: int, lead_id: int) -> Cancelling | None:
        """Close a lead as cancelled; None if the organisation has no such lead."""
        async with self._database.transaction() as connection:
            lead = await leads.get(connection, organisation_id, lead_id, lock=True)
            if lead is None:
                return None
            if lead.state is LeadState.CLOSED:
                return Cancelling.UNCHANGED
            now = self._clock.now()
            if await commands.to_lead(connection, organisation_id, lead_id, CommandKind.CANCEL, now):
                return Cancelling.HANGING_UP
            await writing.move(connection, [cancelled(lead, now)])
            return Cancelling.CANCELLED

    async def count(self, choice: Choice, due_at: datetime | None) -> Count:
        """How many leads `change` would reach."""
        async with self._database.connection() as connection:
            return await bulk.count(connection, choice, _change(due_at), self._clock.now())

    async def change(self, choice: Choice, due_at: datetime | None) -> Done:
        """Have leads called at `due_at`, or close them if that is None; safe to be ended anywhere and done again."""
        before = left = await self.count(choice, due_at)
        move: Move = cancelled if due_at is None else lambda lead, now: rescheduled(lead, due_at, now)
        changed = 0
        for _ in range(PASSES):
            changed += await self._pass(choice, _change(due_at), move)
            left = await self.count(choice, due_at)
            if not left.changing:
                break
            await self._clock.sleep(HELD)
        return Done(before, changed, left.changing)

    async def _pass(self, choice: Choice, change: Change, move: Move) -> int:
        changed = last = 0
        while True:
            async with self._database.transaction() as connection:
                now = self._clock.now()
                taken = await bulk.take(connection, choice, change, now, last, BATCH)
                await writing.move(connection, [move(lead, now) for lead in taken])
            if not taken:
                return changed
            changed, last = changed + len(taken), taken[-1].id


def _change(due_at: datetime | None) -> Change:
    return Change(WAITING if due_at is None else MOVABLE, due_at)
