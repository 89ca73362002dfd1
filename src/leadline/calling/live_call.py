"""One live call: what the engine reports goes in, the flow takes a step, what it asks for is done."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog

from leadline.calling.closing import Ending, close_attempt
from leadline.calling.crash_points import Point, Reached, nothing
from leadline.calling.ledger import Ledger, Measured, persist
from leadline.calling.pacing import Meter
from leadline.calling.switchboard import Switchboard
from leadline.calling.ticket import Ticket
from leadline.calling.transfer import NO_AGENT, Connection
from leadline.clock import Clock
from leadline.domain import flow as flows
from leadline.domain.abandonment import ABANDONED
from leadline.domain.attempt import ATTEMPT_MOVES, AttemptState, Outcome, outcome_of
from leadline.domain.do_not_call import DoNotCallList, Listing
from leadline.domain.errors import EngineUnavailable
from leadline.domain.events import EventKind
from leadline.domain.flow import FlowEvent, FlowState, step
from leadline.domain.lead import LeadState
from leadline.store import retries
from leadline.store.database import Database
from leadline.telephony.engine import (
    Answered,
    Call,
    CallEvent,
    Digit,
    Ended,
    Engine,
    Fault,
    Hangup,
    Invite,
    Placed,
    PlayFinished,
    Ringing,
)

log = structlog.get_logger()

ANSWERED: Final = (AttemptState.ANSWERED, AttemptState.IN_FLOW, AttemptState.WAITING_AGENT, AttemptState.BRIDGED)
CANCELLED_BY_US: Final = (Fault.RING_TIMEOUT, Fault.CANCELLED)
TROUBLE: Final = (Outcome.FAILED, Outcome.CONGESTION, Outcome.UNKNOWN)
"""Outcomes that speak of a trunk or an engine rather than of the customer."""


class LiveCall:
    """The call of one ticket, from its INVITE to its conclusion."""

    def __init__(
        self,
        ticket: Ticket,
        invite: Invite,
        engine: Engine,
        database: Database,
        clock: Clock,
        sent: Callable[[], None],
        carried: Callable[[], None],
        switchboard: Switchboard,
        reached: Reached = nothing,
    ) -> None:
        self._ticket = ticket
        self._invite = invite
        self._engine = engine
        self._database = database
        self._clock = clock
        self._sent, self._carried = sent, carried
        self._switchboard = switchboard
        self._transferring: asyncio.Task[None] | None = None
        self._reached = reached
        self._ledger = Ledger(database, clock, ticket.lead, ticket.attempt_id, reached)
        self._inbox: asyncio.Queue[CallEvent | FlowEvent] = asyncio.Queue()
        self._state = AttemptState.CREATED
        self._flow_state = FlowState()
        self._playing: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._disposition: str | None = None
        self._callback_at: datetime | None = None
        self._meter = Meter(ticket.process)
        self._began = 0.0
        self._patience: asyncio.TimerHandle | None = None
        """Runs while a customer who was called ahead of the agents waits to be spoken to."""
        self._abandoned = False
        self._call: Call | None = None
        self.outcome: Outcome | None = None
        """What came back for the INVITE, once that is known."""
        self.unheard = False
        """Whether it ended without anything at all from the trunk."""

    async def run(self) -> None:
        """Make the call and see it to its end; raises nothing that the network or the engine does."""
        self._began = asyncio.get_running_loop().time()
        try:
            self._reached(Point.CALL_BEGUN)
            self._call = await self._engine.originate(self._invite)
            self._reached(Point.CALL_SENT)
        except EngineUnavailable as error:
            await self._conclude(Ended(fault=Fault.REFUSED, reason=str(error)))
            return
        finally:
            self._sent()
        reading = asyncio.create_task(self._read(self._call))
        try:
            ended = await self._converse()
        finally:
            self._stop_listening()
            self._is_served()
            reading.cancel()
            if self._transferring is not None:
                self._transferring.cancel()
                await asyncio.wait([self._transferring])
        await self._conclude(ended)

    @property
    def attempt_id(self) -> UUID:
        return self._ticket.attempt_id

    async def hangup(self) -> bool:
        """End the call, whatever it is doing; its conclusion is written as ever. False if there is none yet."""
        if self._call is None:
            return False
        await self._call.hangup()
        return True

    async def _read(self, call: Call) -> None:
        async for event in call.events():
            self._inbox.put_nowait(event)

    async def _converse(self) -> Ended:
        while True:
            event = await self._inbox.get()
            self._reached(Point.CALL_HEARD)
            match event:
                case Ended():
                    return event
                case Placed(call_id):
                    self._moved(AttemptState.ORIGINATING, EventKind.ATTEMPT_ORIGINATING, call_id)
                case Ringing(call_id):
                    self._moved(AttemptState.RINGING, EventKind.ATTEMPT_RINGING, call_id, "ringing_at")
                case Answered(call_id):
                    await self._answered(call_id)
                case Digit(digit):
                    self._ledger.note((EventKind.ATTEMPT_DIGIT, {"digit": digit, "node": self._flow_state.node}))
                    await self._walk(flows.Pressed(digit))
                case PlayFinished(play_id, completed):
                    if completed and play_id == self._playing:
                        self._playing = None
                        await self._walk(flows.Played())
                case _:
                    await self._walk(event)

    def _moved(
        self,
        state: AttemptState,
        kind: EventKind,
        call_id: str | None,
        stamp: str | None = None,
        measured: Measured | None = None,
    ) -> None:
        """Note a move; a report that comes late or twice is dropped."""
        if state not in ATTEMPT_MOVES[self._state]:
            return
        self._state = state
        values: dict[str, Any] = {"state": state}
        if call_id is not None:
            values["call_id"] = call_id
        if stamp is not None:
            values[stamp] = self._clock.now()
        lead_state = LeadState.CONNECTED if state is AttemptState.ANSWERED else None
        told = [(kind, {"call_id": call_id} if call_id else {})]
        if lead_state is not None:
            told.append((EventKind.LEAD_CONNECTED, {}))
        self._ledger.note(*told, lead_state=lead_state, measured=measured, **values)

    async def _answered(self, call_id: str | None) -> None:
        if AttemptState.ANSWERED not in ATTEMPT_MOVES[self._state]:
            return
        self._carried()
        measured = partial(self._meter.answered, now=self._clock.now(), rang=self._seconds)
        self._moved(AttemptState.ANSWERED, EventKind.ATTEMPT_ANSWERED, call_id, "answered_at", measured)
        flow = self._ticket.flow
        if flow is None:
            await self.hangup()
            return
        self._state = AttemptState.IN_FLOW
        self._ledger.note((EventKind.ATTEMPT_IN_FLOW, {"flow": flow.name}), state=self._state)
        await self._walk(flows.Begun())

    async def _walk(self, event: FlowEvent) -> None:
        flow = self._ticket.flow
        if flow is None or self._state not in (AttemptState.IN_FLOW, AttemptState.WAITING_AGENT):
            return
        before = self._flow_state
        self._flow_state, actions = step(flow, before, event)
        walked = self._flow_state.path[len(before.path) :]
        if walked:
            nodes = [(EventKind.ATTEMPT_NODE, {"node": node}) for node in walked]
            self._ledger.note(*nodes, path=list(self._flow_state.path), digits=self._flow_state.digits)
        for action in actions:
            await self._do(action)

    async def _do(self, action: flows.Action) -> None:
        call = self._call
        if call is None:
            return
        match action:
            case flows.Play(node):
                audio = self._ticket.audio.get(node)
                if audio:
                    self._playing = await call.play(audio)
                else:
                    self._inbox.put_nowait(flows.Played())
            case flows.StopPlaying():
                self._playing = None
                await call.stop_playing()
            case flows.Listen(timeout):
                self._stop_listening()
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(timeout.total_seconds(), self._inbox.put_nowait, flows.Silence())
            case flows.StopListening():
                self._stop_listening()
            case flows.Connect(transfer):
                self._wait_for_agent(call, transfer)
            case flows.PromiseCallback(after):
                self._callback_at = self._clock.now() + after
                self._ledger.note((EventKind.ATTEMPT_CALLBACK, {"at": self._callback_at}))
            case flows.ListNumber(to, lasts):
                self._list_number(to, lasts)
            case flows.EndCall(disposition):
                self._disposition = disposition
                await call.hangup()

    def _wait_for_agent(self, call: Call, transfer: flows.Transfer) -> None:
        self._state = AttemptState.WAITING_AGENT
        wanted = {name: value for name in ("queue", "agent", "number") if (value := getattr(transfer, name))}
        self._ledger.note((EventKind.ATTEMPT_WAITING_AGENT, wanted), state=self._state)
        if self._meter.runs and self._ticket.agent is None:
            seconds = transfer.timeout.total_seconds()
            self._patience = asyncio.get_running_loop().call_later(seconds, self._abandon, "nobody spoke in time")
        connection = Connection(self._ticket, call, self._engine, self._switchboard, self._tell)
        self._transferring = asyncio.create_task(
            self._transfer(connection, transfer), name=f"transfer {call.attempt_id}"
        )

    async def _transfer(self, connection: Connection, transfer: flows.Transfer) -> None:
        try:
            result = await connection.make(transfer)
        except Exception:
            log.exception("a transfer failed", attempt=str(self._ticket.attempt_id))
            result = NO_AGENT
        if result == NO_AGENT:
            self._abandon("nobody was free in time")
        self._state = AttemptState.IN_FLOW
        self._ledger.note((EventKind.ATTEMPT_TRANSFER_ENDED, {"result": result}), state=self._state)
        self._inbox.put_nowait(flows.TransferEnded(result))

    def _tell(self, kind: EventKind, data: Mapping[str, str]) -> None:
        if kind is EventKind.ATTEMPT_BRIDGED:
            self._is_served()
            self._abandoned, self._disposition = False, None  # late, and counted so, but somebody did speak to them
            self._state = AttemptState.BRIDGED
        self._ledger.note((kind, data), state=self._state)

    def _abandon(self, reason: str) -> None:
        """Nobody has spoken in time to a customer who waits to be spoken to."""
        if self._patience is None:
            return
        self._is_served()
        self._abandoned, self._disposition = True, ABANDONED
        self._ledger.note(
            (EventKind.ATTEMPT_ABANDONED, {"reason": reason}),
            disposition=ABANDONED,
            measured=partial(self._meter.abandoned, now=self._clock.now()),
        )

    def _is_served(self) -> None:
        """The customer waits for nobody any more."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    @property
    def _seconds(self) -> float:
        """Since the INVITE."""
        return asyncio.get_running_loop().time() - self._began

    def _list_number(self, to: DoNotCallList, lasts: timedelta | None) -> None:
        lead = self._ticket.lead
        until = None if lasts is None else self._clock.now() + lasts
        process_id = lead.process_id if to is DoNotCallList.PROCESS else None
        self._ledger.note(
            (EventKind.ATTEMPT_DO_NOT_CALL, {"list": to, "until": until}),
            listing=Listing(lead.number or "", process_id, until, "the customer asked not to be called"),
        )

    def _stop_listening(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _conclude(self, ended: Ended) -> None:
        self._reached(Point.CALL_ENDED)
        ending = self._ending(ended)
        await self._ledger.settled()
        self.outcome = ending.outcome.told
        self.unheard = ended.fault is Fault.NO_RESPONSE
        ticket = self._ticket
        policy = ticket.process.policy

        async def write() -> None:
            async with self._database.transaction() as connection:
                # Those in force now, which `apply` may have changed; read first, since it locks leads after processes.
                rules = await retries.rules(connection, ticket.lead.process_id)
                await close_attempt(
                    connection,
                    ticket.lead.organisation_id,
                    ticket.lead.id,
                    ending,
                    rules or policy.retry,
                    self._clock.now(),
                    wrap_up=policy.agents.wrap_up,
                    meter=self._meter,
                )
                self._reached(Point.ENDING_WRITTEN)
            self._reached(Point.ENDING_COMMITTED)

        await persist(write, self._clock)
        say = log.warning if ending.outcome in TROUBLE else log.info
        say(
            "call ended",
            attempt=str(ticket.attempt_id),
            lead=ticket.lead.id,
            trunk=ticket.trunk.name,
            outcome=ending.outcome.value,
            reason=ending.reason,
        )

    def _ending(self, ended: Ended) -> Ending:
        answered = self._state in ANSWERED
        match ended.fault:
            case Fault.ENGINE_LOST:
                outcome = Outcome.UNKNOWN
            case Fault.REFUSED:
                outcome = Outcome.CONGESTION
            case _:
                outcome = outcome_of(
                    ended.sip_status, ended.cause, answered=answered, ring_timeout=ended.fault in CANCELLED_BY_US
                )
        hung_up_by = (ended.hung_up_by or Hangup.CUSTOMER) if outcome is Outcome.ANSWERED else None
        if outcome is Outcome.ANSWERED and self._abandoned:
            outcome = Outcome.ABANDONED
        values = {
            "sip_status": ended.sip_status,
            "cause": ended.cause,
            "hung_up_by": hung_up_by,
            "disposition": self._disposition,
            "digits": self._flow_state.digits,
            "path": list(self._flow_state.path),
        }
        if ended.call_id is not None:
            values["call_id"] = ended.call_id
        return Ending(
            attempt_id=self._ticket.attempt_id,
            outcome=outcome,
            values=values,
            callback_at=self._callback_at,
            another_trunk=self._ticket.another_trunk,
            rang=None if answered or outcome in TROUBLE else self._seconds,
            reason=ended.reason,
        )
