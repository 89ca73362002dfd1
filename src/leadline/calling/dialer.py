"""The dialer: while there is something due and a trunk to carry it, leads become calls.

It sleeps until the next lead is due, until a trunk has a slot again, or until it is woken: by a push, by the end
of a call, by a change of the configuration.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from leadline.calling.budget import TrunkBudget
from leadline.calling.claim import Claimer
from leadline.calling.crash_points import Reached, nothing
from leadline.calling.fronts import Fronts
from leadline.calling.health import Probe, TrunkHealth
from leadline.calling.lines import Lines, request_uri
from leadline.calling.live_call import LiveCall
from leadline.calling.reconciliation import reconcile
from leadline.calling.release import release
from leadline.calling.switchboard import Switchboard
from leadline.calling.ticket import Ticket
from leadline.clock import Clock
from leadline.domain.attempt import Outcome
from leadline.domain.policy import Mode, TrunkPolicy
from leadline.domain.upsert import DueKind
from leadline.store.catalogue import Catalogue, Process
from leadline.store.database import Database
from leadline.store.rounds import Rounds
from leadline.store.workers import Standing
from leadline.telephony.engine import Account, Engine, Invite

log = structlog.get_logger()

MOST_AT_ONCE: Final = 50
"""Leads of one claim: few enough that a transaction is short."""
LONGEST_WAIT: Final = 10.0
"""Seconds after which the dialer looks again unasked."""
RECONCILE_EVERY: Final = 5.0
"""Seconds between two looks for the attempts of workers that are gone."""
ENGINE_AWAY: Final = 0.25
"""Seconds between two looks at an engine that is down."""

HANGUP_SECONDS: Final = 10.0
"""How long hung-up calls may take to be concluded when Leadline stops."""

Passwords = Callable[[str], str | None]
"""The password of a trunk, by its name."""


class Dialer:
    """Calls what is due, for one worker."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        standing: Standing,
        worker: str,
        engines: Mapping[str, Engine],
        catalogue: Callable[[], Catalogue],
        passwords: Passwords,
        counted: Callable[[Outcome], None] = lambda _: None,
        reached: Reached = nothing,
        probe: Probe = lambda _: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._standing = standing
        self._worker = worker
        self._engines = engines
        self._catalogue = catalogue
        self._passwords = passwords
        self._budgets: dict[str, TrunkBudget] = {}
        self._counted = counted
        self._reached = reached
        self.health = TrunkHealth(database, clock, worker, catalogue, probe, self.wake)
        lines = Lines(database, clock, worker, self._budgets, self._is_sound, passwords)
        self._switchboard = Switchboard(database, clock, catalogue, lines)
        self._claimer = Claimer(database, clock, worker, self._budgets, self._is_up, reached)
        self._live: dict[asyncio.Task[None], LiveCall] = {}
        self._rounds = Rounds("dialer")
        self._draining = False
        self._reconciled: float | None = None
        self._known: Catalogue | None = None
        self._fronts = Fronts(time.monotonic)
        self._following: datetime | None = None
        """When the next lead is due of those that were not when they were looked at."""

    @property
    def calls(self) -> int:
        """Calls up now."""
        return len(self._live)

    def wake(self) -> None:
        """Look at once: something may be due, or a slot free."""
        self._rounds.wake()
        self._switchboard.wake()

    async def hang_up(self, attempt_id: UUID) -> bool:
        """Hang up the call of an attempt; False if it is not there, or not yet."""
        call = next((call for call in self._live.values() if call.attempt_id == attempt_id), None)
        return call is not None and await call.hangup()

    async def run(self) -> None:
        """Dial until `drain` is called."""
        log.info("dialing", worker=self._worker)
        await self._rounds.run(self._look, goes_on=lambda: not self._draining)

    async def drain(self, seconds: float) -> None:
        """No new calls; wait for those that are up, hang up what is left after `seconds`."""
        self._draining = True
        self.wake()
        if self._live:
            log.info("waiting for calls to end", calls=len(self._live), seconds=seconds)
            await asyncio.wait(self._live, timeout=seconds)
        if self._live:
            log.warning("hanging up calls that did not end in time", calls=len(self._live))
            await asyncio.gather(*(call.hangup() for call in self._live.values()), return_exceptions=True)
            await asyncio.wait(self._live, timeout=HANGUP_SECONDS)
        for task in self._live:
            task.cancel()
        if self._live:
            await asyncio.wait(self._live)

    async def _look(self) -> float:
        await self._standing.held.wait()
        await self._reconcile()
        await self._release()
        self._keep_budgets()
        return 0.0 if await self._dial() else self._pause()

    async def _reconcile(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._reconciled is None or now - self._reconciled >= RECONCILE_EVERY:
            for _ in range(await reconcile(self._database, self._catalogue(), self._standing, self._clock)):
                self._counted(Outcome.UNKNOWN)
            self._reconciled = now

    async def _release(self) -> None:
        """Judge held leads anew by rules that have just been read: those read before may have held them since."""
        catalogue, known = self._catalogue(), self._known
        if known is not None and known is not catalogue:
            before = {process.servicekey: _rules(process) for process in known.processes.values()}
            now = {process.servicekey: _rules(process) for process in catalogue.processes.values()}
            changed = [servicekey for servicekey, rules in now.items() if before.get(servicekey) != rules]
            if changed:
                async with self._database.transaction() as connection:
                    await release(connection, changed, self._clock.now())
        self._known = catalogue

    async def _dial(self) -> int:
        """One look at everything that is due; returns how many leads were looked at."""
        servable = self._servable()
        self._following = None
        if not servable:
            self._fronts.rest()
            return 0
        now = self._clock.now()
        async with self._database.connection() as connection:
            fronts = await self._fronts.look(connection, _dialed(servable), now)
        due = [front for front in fronts if front.due_at <= now]
        looked_at = 0
        for front in due:
            process = servable[front.process_id]
            room = min(MOST_AT_ONCE, self._room(process))
            if room <= 0 or self._draining:
                continue
            claimed = await self._claimer.claim(process, front, room)
            looked_at += claimed.looked_at
            for ticket in claimed.tickets:
                self._fronts.turns.took(process.id)
                self._begin(ticket)
        if not looked_at:
            later = [front.due_at for front in fronts if front.due_at > now]
            if due:  # and somebody else has it, or nobody is there to talk to the customer
                async with self._database.connection() as connection:
                    later += await self._fronts.after(connection, due, now)
            self._following = min(later, default=None)
        return looked_at

    def _begin(self, ticket: Ticket) -> None:
        budget = self._budgets[ticket.trunk.name]
        engine = self._engines[ticket.trunk.engine]
        call = LiveCall(
            ticket,
            self._invite(ticket),
            engine,
            self._database,
            self._clock,
            budget.sent,
            partial(self.health.carried, ticket.trunk.name, ticket.attempt_id),
            self._switchboard,
            self._reached,
        )
        self.health.began(ticket.trunk.name, ticket.attempt_id)
        task = asyncio.create_task(call.run(), name=f"call {ticket.attempt_id}")
        self._live[task] = call

        def ended(task: asyncio.Task[None]) -> None:
            del self._live[task]
            budget.release()
            self.health.ended(ticket.trunk.name, ticket.attempt_id, call.outcome, unheard=call.unheard)
            self.wake()
            if call.outcome is not None:
                self._counted(call.outcome)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a call's task failed", attempt=str(ticket.attempt_id), exc_info=error)

        task.add_done_callback(ended)

    def _invite(self, ticket: Ticket) -> Invite:
        trunk, policy = ticket.trunk, ticket.process.policy
        return Invite(
            attempt_id=str(ticket.attempt_id),
            uri=request_uri(trunk, ticket.dial_string),
            ring_timeout=policy.ring_timeout.total_seconds(),
            caller_id=policy.caller_id,
            account=Account(trunk.username, self._passwords(trunk.name), trunk.transport, trunk.codecs),
        )

    # What the trunks can take

    def _keep_budgets(self) -> None:
        """Follow the configuration: new trunks get a budget, changed ones their new limits."""
        loop = asyncio.get_running_loop()
        for trunk in self._catalogue().trunks.values():
            budget = self._budgets.get(trunk.name)
            if budget is None:
                if not self._is_known(trunk):
                    log.error(
                        "nothing is dialed over a trunk whose password is not known here: "
                        "write it in the file that `leadline up` was started with, and apply that",
                        trunk=trunk.name,
                    )
                allowed = partial(self.health.allows, trunk.name)
                self._budgets[trunk.name] = TrunkBudget(trunk.channels, trunk.cps, loop.time, allowed)
            else:
                budget.channels, budget.cps = trunk.channels, trunk.cps

    def _servable(self) -> dict[int, Process]:
        """The processes that are to be served and have a trunk with a slot, by id."""
        processes = self._catalogue().processes.values()
        going = [process for process in processes if not (process.paused or process.stopped)]
        return {process.id: process for process in going if self._room(process) > 0}

    def _room(self, process: Process) -> int:
        """How many calls the process's trunks may take, and their engines: one that is full is not to be asked."""
        hopes: Counter[str] = Counter()
        for trunk in process.trunks:
            if self._is_up(trunk):
                hopes[trunk.engine] += self._budgets[trunk.name].hope
        return sum(min(hope, self._engines[name].capacity.free) for name, hope in hopes.items())

    def _is_up(self, trunk: TrunkPolicy) -> bool:
        """Whether a trunk can be dialed over, if it has a slot."""
        usable = self._engine_is_up(trunk) and self._is_known(trunk) and trunk.name in self._budgets
        return usable and not self.health.lacks(trunk) and self.health.allows(trunk.name) != 0

    def _is_sound(self, trunk: TrunkPolicy) -> bool:
        """Whether a customer who is on the line may be joined over a trunk: on one on trial nobody is kept waiting."""
        return self._is_up(trunk) and self.health.allows(trunk.name) is None

    def _engine_is_up(self, trunk: TrunkPolicy) -> bool:
        engine = self._engines.get(trunk.engine)
        return engine is not None and engine.available

    def _is_known(self, trunk: TrunkPolicy) -> bool:
        """Whether we have the password of a trunk that has one: without it every call would fail, and count."""
        return not trunk.secured or self._passwords(trunk.name) is not None

    def _pause(self) -> float:
        """Seconds until there may be something to do without being woken."""
        trunks = self._catalogue().trunks.values()
        waits = [LONGEST_WAIT]
        waits += [wait for budget in self._budgets.values() if budget.hope == 0 and (wait := budget.wait) is not None]
        waits += [wait for trunk in trunks if (wait := self.health.wait(trunk.name)) is not None]
        waits += [wait for engine in self._engines.values() if (wait := engine.capacity.wait) is not None]
        if not all(self._engine_is_up(trunk) for trunk in trunks):
            waits.append(ENGINE_AWAY)
        if (wait := self._fronts.wait) is not None:
            waits.append(wait)
        if self._following is not None:
            waits.append(max(0.0, (self._following - self._clock.now()) / timedelta(seconds=1)))
        return min(waits)


def _dialed(servable: Mapping[int, Process]) -> list[tuple[DueKind, int]]:
    """Of a preview process nothing is dialed but what an agent has agreed to: the rest is offered."""
    called = [process.id for process in servable.values() if process.policy.mode is not Mode.PREVIEW]
    return [*((DueKind.AGREED, process_id) for process_id in servable), *((DueKind.CALL, each) for each in called)]


def _rules(process: Process) -> object:
    """All of a process that may hold a lead."""
    return process.policy, process.trunks
