"""One transfer: somebody is found, called beside the customer and joined with them, until either hangs up.

An agent whose phone does not answer is paused, and the next one is called, for as long as the customer is to wait.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from leadline.calling.switchboard import Party, Switchboard
from leadline.calling.ticket import Ticket
from leadline.domain.errors import DatabaseUnavailable, EngineUnavailable
from leadline.domain.events import EventKind
from leadline.domain.flow import Transfer
from leadline.telephony.engine import Answered, Call, CallEvent, Ended, Engine, Fault

NO_AGENT: Final = "no_agent"
ENDED: Final = "ended"
RING_SECONDS: Final = 15.0
"""How long one agent's phone rings at most: another may be quicker."""
LEAST_RING_SECONDS: Final = 5.0
"""How long it rings at least, however little is left: who is found late is not paused for being slow."""
OURS: Final = (Fault.REFUSED, Fault.ENGINE_LOST)
"""Ends of a leg that are no fault of the agent's."""
HANGUP_SECONDS: Final = 5.0
"""How long the end of a leg that we hang up is waited for."""

Tell = Callable[[EventKind, Mapping[str, str]], None]


class Connection:
    """The transfer of one customer's call."""

    def __init__(self, ticket: Ticket, call: Call, engine: Engine, switchboard: Switchboard, tell: Tell) -> None:
        self._ticket, self._call, self._engine = ticket, call, engine
        self._switchboard, self._tell = switchboard, tell

    async def make(self, wanted: Transfer) -> str:
        """Connect to what is wanted, and return when that is over: `ended`, or `no_agent` if nobody answered."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wanted.timeout.total_seconds()
        while (left := deadline - loop.time()) > 0:
            waking = asyncio.ensure_future(self._switchboard.change(left))
            try:
                party = await self._find(wanted, left)
                if party is None:
                    if not await self._expects(wanted):
                        break
                    await waking
                elif await self._talk(party):
                    return ENDED
                elif wanted.number is not None:
                    break
            finally:
                waking.cancel()
        return NO_AGENT

    async def _find(self, wanted: Transfer, left: float) -> Party | None:
        seconds = left if wanted.number is not None else min(max(left, LEAST_RING_SECONDS), RING_SECONDS)
        try:
            return await self._switchboard.find(self._ticket, wanted, seconds)
        except DatabaseUnavailable:
            return None

    async def _expects(self, wanted: Transfer) -> bool:
        """Whether waiting may help: a trunk may have a slot again, somebody be ready."""
        try:
            return wanted.number is not None or await self._switchboard.expects(self._ticket, wanted)
        except DatabaseUnavailable:
            return True

    async def _talk(self, party: Party) -> bool:
        """Call a party and join them; False if they did not answer."""
        try:
            return await self._ring(party, await self._place(party))
        except EngineUnavailable as error:
            self._tell(EventKind.ATTEMPT_AGENT_MISSED, {**party.told, "reason": str(error)})
            await self._switchboard.free(self._ticket)
            await self._switchboard.rest()
            return False
        finally:
            party.line.release()

    async def _place(self, party: Party) -> Call:
        """The leg to a party; a customer who hangs up while it is begun leaves none behind."""
        placing = asyncio.ensure_future(self._engine.originate(party.invite, beside=self._call))
        try:
            return await asyncio.shield(placing)
        except asyncio.CancelledError:
            with contextlib.suppress(EngineUnavailable):
                leg = await placing
                await _hang_up(leg, leg.events())
            raise
        finally:
            party.line.sent()

    async def _ring(self, party: Party, leg: Call) -> bool:
        self._tell(EventKind.ATTEMPT_AGENT_CALLED, party.told)
        events = leg.events()
        try:
            unanswered = await _answered(events)
            if unanswered is not None:
                self._tell(EventKind.ATTEMPT_AGENT_MISSED, {**party.told, "reason": _reason(unanswered)})
                if unanswered.fault in OURS:
                    await self._switchboard.free(self._ticket)
                else:
                    await self._switchboard.missed(self._ticket, party)
                return False
            await self._call.join(leg)
            self._tell(EventKind.ATTEMPT_BRIDGED, party.told)
            await self._switchboard.connected(self._ticket, party)
            await _over(events)
        except asyncio.CancelledError:  # the customer has hung up
            await _hang_up(leg, events)
            raise
        await self._switchboard.free(self._ticket)
        return True


async def _answered(events: AsyncIterator[CallEvent]) -> Ended | None:
    """None if the leg was answered, else how it ended."""
    async for event in events:
        if isinstance(event, Answered):
            return None
        if isinstance(event, Ended):
            return event
    raise AssertionError("a call's events end with Ended")


async def _over(events: AsyncIterator[CallEvent]) -> None:
    async for _ in events:
        """Keys of the agent mean nothing yet."""


async def _hang_up(leg: Call, events: AsyncIterator[CallEvent]) -> None:
    await leg.hangup()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HANGUP_SECONDS):
            await _over(events)


def _reason(ended: Ended) -> str:
    if ended.fault is Fault.RING_TIMEOUT:
        return "not answered in time"
    return ended.reason or f"{ended.sip_status or ended.fault}"
