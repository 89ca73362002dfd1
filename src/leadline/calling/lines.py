"""Ways out for a second leg: who answers a SIP address is called there, a number by the process's trunks.

A leg over a trunk takes a slot as a first one does: counted over all workers, and written, before its INVITE leaves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4

import structlog

from leadline.calling.budget import TrunkBudget, take_stock
from leadline.calling.ledger import persist
from leadline.calling.ticket import Ticket
from leadline.clock import Clock
from leadline.domain.eligibility import Facts, Route, routes
from leadline.domain.policy import TrunkPolicy
from leadline.store import legs
from leadline.store.database import Database
from leadline.store.legs import Leg
from leadline.telephony.engine import Account

log = structlog.get_logger()

_HAPPENED: Final = asyncio.Event()
_HAPPENED.set()


def _nothing() -> None:
    """A SIP address takes no slot of a trunk."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where the INVITE goes and as whom; `sent` when it has left, `release` when the call is over."""

    uri: str
    account: Account = field(default_factory=Account)
    sent: Callable[[], None] = _nothing
    release: Callable[[], None] = _nothing


def request_uri(trunk: TrunkPolicy, dial_string: str) -> str:
    """Where an INVITE over a trunk goes; `#` begins something else in a URI."""
    return trunk.uri.replace("{number}", dial_string.replace("#", "%23"))


class Lines:
    """The trunks of this worker, for calls beside those that the dialer makes: within the same budgets."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        worker: str,
        budgets: Mapping[str, TrunkBudget],
        is_up: Callable[[TrunkPolicy], bool],
        passwords: Callable[[str], str | None],
    ) -> None:
        self._database, self._clock, self._worker = database, clock, worker
        self._budgets, self._is_up, self._passwords = budgets, is_up, passwords
        self._kept: set[asyncio.Task[None]] = set()

    async def seize(self, ticket: Ticket, target: str, now: datetime) -> Line | None:
        """A line to a SIP URI or to a number in E.164; None if no trunk may carry it or has a slot.

        Two calls are joined only inside one engine, so that a trunk of another one is no way out.
        """
        if target.startswith("sip:"):
            return Line(target)
        process = ticket.process
        own = {
            trunk.name: trunk for trunk in process.trunks if trunk.engine == ticket.trunk.engine and self._is_up(trunk)
        }
        called = ticket.lead.but(number=target)
        ways = routes(Facts(called, process.policy, tuple(own.values()), None, None, now))
        hopeful = [way for way in ways if self._budgets[way.trunk].hope > 0]
        taken = await self._take(ticket.lead.organisation_id, hopeful) if hopeful else None
        if taken is None:
            return None
        way, leg = taken
        return self._line(own[way.trunk], way.dial_string, leg)

    async def _take(self, organisation_id: int, ways: list[Route]) -> tuple[Route, Leg] | None:
        """The first of these ways that has a slot, now taken in everybody's sight."""
        taken: tuple[Route, Leg] | None = None
        try:
            async with self._database.transaction() as connection:
                budgets = {way.trunk: self._budgets[way.trunk] for way in ways}
                if await take_stock(connection, self._worker, budgets) <= 0:
                    return None
                way = next((way for way in ways if self._budgets[way.trunk].reserve()), None)
                if way is not None:
                    taken = way, Leg(organisation_id, uuid4(), way.trunk, self._worker)
                    await legs.begin(connection, taken[1])
        except BaseException:
            if taken is not None:
                self._budgets[taken[0].trunk].unused()
                self._keep(taken[1], _HAPPENED, _HAPPENED)  # who is called off here may have been committed
            raise
        return taken

    def _line(self, trunk: TrunkPolicy, dial_string: str, leg: Leg) -> Line:
        budget = self._budgets[trunk.name]
        left, over = asyncio.Event(), asyncio.Event()

        def sent() -> None:
            budget.sent()
            left.set()

        def release() -> None:
            budget.release()
            over.set()

        self._keep(leg, left, over)
        account = Account(trunk.username, self._passwords(trunk.name), trunk.transport, trunk.codecs)
        return Line(request_uri(trunk, dial_string), account, sent, release)

    def _keep(self, leg: Leg, left: asyncio.Event, over: asyncio.Event) -> None:
        """Have it written what becomes of a leg, however long that takes: nobody waits for it on the phone."""

        async def write(what: Callable[[Any, Leg], Awaitable[None]]) -> None:
            async with self._database.transaction() as connection:
                await what(connection, leg)

        async def follow() -> None:
            await left.wait()
            await persist(partial(write, legs.sent), self._clock)
            await over.wait()
            await persist(partial(write, legs.end), self._clock)

        task = asyncio.create_task(follow(), name=f"leg {leg.id}")
        self._kept.add(task)
        task.add_done_callback(self._followed)

    def _followed(self, task: asyncio.Task[None]) -> None:
        self._kept.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(
                "a second leg counts for its trunk until this worker ends: what became of it cannot be written",
                leg=task.get_name(),
                exc_info=error,
            )
