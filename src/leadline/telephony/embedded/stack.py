"""baresip and the calls it holds, inside a worker: commands in, reports out."""

import asyncio
import contextlib
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import NoReturn

from baresip import (
    BaresipError,
    Call,
    CommandTimeout,
    Config,
    Runtime,
    RuntimeDead,
    StackEvent,
    StaleHandleError,
)
from baresip._native import lib

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.embedded.identities import Identities
from leadline.telephony.embedded.leg import Leg
from leadline.telephony.embedded.listening import settle_port
from leadline.telephony.embedded.messages import (
    Command,
    Configure,
    Hangup,
    Join,
    Originate,
    Play,
    Record,
    Register,
    Report,
    Shutdown,
    StopPlaying,
    Told,
    Unregister,
    Worn,
    read_command,
)
from leadline.telephony.embedded.registering import Registrations
from leadline.telephony.embedded.sound import BRIDGE_TICK, TICK
from leadline.telephony.embedded.trace import Reply, SipTrace
from leadline.telephony.engine import CallEvent, Ended, Invite

log = logging.getLogger(__name__)

ATTEMPT_HEADER = "X-Leadline-Attempt"
_HANGUP_SECONDS = 7.0
"""For all calls together when the worker ends; one hangup holds the SIP thread for 20 to 40 ms."""
_PORT_TRIES = 5
"""A free port may be taken by another process before baresip has it."""
_CRASHED = 70
"""The exit status of a worker whose SIP thread is gone or stuck (EX_SOFTWARE)."""


class Stack:
    """The one runtime of this process; a fault that it cannot recover from ends the process."""

    def __init__(self, orders: Configure, report: Callable[[Report], None]) -> None:
        self._orders, self._report = orders, report
        self._trace = SipTrace(self._heard)
        self._legs: dict[int, Leg] = {}
        """By the engine's number."""
        self._by_handle: dict[int, Leg] = {}
        self._by_call_id: dict[str, Leg] = {}
        self._dialing = 0
        """How many `dial`s have not returned yet: what comes meanwhile may be about them."""
        self._early_events: defaultdict[int, list[StackEvent]] = defaultdict(list)
        self._early_replies: dict[str, Reply] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._hanging_up = asyncio.Lock()
        self._empty = asyncio.Event()
        self._worn = False

    async def start(self) -> int:
        """Returns the SIP port; raises `EngineUnavailable`."""
        logger = logging.getLogger("baresip.native.sip")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(self._trace)
        for remaining in reversed(range(_PORT_TRIES)):
            port = settle_port(self._orders.host, self._orders.port)
            try:
                self._runtime = await self._start_on(port)
                break
            except BaresipError as error:
                if self._orders.port or not remaining:
                    raise EngineUnavailable(f"baresip does not start on {self._orders.host}:{port}: {error}") from None
        self._runtime.on_dead = lambda: self._die("its SIP thread died")
        self._runtime.subscribe(self._take)
        self._identities = Identities(self._runtime, self._orders.identities)
        self._registrations = Registrations(self._runtime, self._report, self._orders.register_again)
        self._spawn(self._pump())
        self._spawn(self._relay())
        return port

    async def _start_on(self, port: int) -> Runtime:
        host, (low, high) = self._orders.host, self._orders.rtp_ports
        config = Config(
            net_interface=None if host == "0.0.0.0" else host,
            max_concurrent_calls=None,
            sip_trace=True,
            extra_config_text=f"sip_listen {host}:{port}\nrtp_ports {low}-{high}\n",
        )
        runtime = Runtime()
        await runtime.start(config)
        # Trap 8: from here on the SIP thread itself answers every INVITE with 486, and `dial` does not mind.
        await runtime.cmd(lib.BP_CMD_SET_DRAIN)
        return runtime

    async def obey(self, reader: asyncio.StreamReader) -> None:
        """Until the engine says so, or is gone."""
        while (command := await read_command(reader)) is not None and not isinstance(command, Shutdown):
            self._do(command)

    def _do(self, command: Command) -> None:
        match command:
            case Originate(number, invite):
                self._originate(number, invite)
            case Play(number, play_id, audio) if leg := self._legs.get(number):
                leg.sound.play(play_id, audio)
            case StopPlaying(number) if leg := self._legs.get(number):
                leg.sound.stop_playing()
            case Record(number, path) if leg := self._legs.get(number):
                leg.record(path)
            case Join(number, other) if (leg := self._legs.get(number)) and (far := self._legs.get(other)):
                leg.join(far)
            case Hangup(number) if leg := self._legs.get(number):
                leg.hang_up()
            case Register(registrant):
                self._registrations.keep(registrant)
            case Unregister(trunk):
                self._registrations.leave(trunk)

    async def hang_up_all(self) -> None:
        """Take leave of every registrar, BYE or CANCEL for every call, and wait for the answers; within
        `_HANGUP_SECONDS`."""
        leaving = asyncio.create_task(self._registrations.leave_all())
        for leg in list(self._legs.values()):
            leg.hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANGUP_SECONDS):
                while self._legs:
                    self._empty.clear()
                    await self._empty.wait()
                await self._trace.settled()
                await leaving

    # Calls out

    def _originate(self, number: int, invite: Invite) -> None:
        def report(event: CallEvent) -> None:
            self._report(Told.of(number, event))
            if isinstance(event, Ended):
                self._forget(number)

        leg = self._legs[number] = Leg(invite, self._orders.response_timeout, report, self._release)
        self._spawn(self._dial(leg, invite))

    async def _dial(self, leg: Leg, invite: Invite) -> None:
        self._dialing += 1
        try:
            agent = await self._identities.agent(invite)
            if self._identities.exhausted and not self._worn:
                self._worn = True
                self._report(Worn())
            headers = {**invite.headers, ATTEMPT_HEADER: invite.attempt_id}
            self._adopt(leg, await agent.dial(invite.uri, headers))
        except (CommandTimeout, RuntimeDead) as error:
            self._die(str(error))
        except (BaresipError, ValueError) as error:
            leg.refuse(str(error))
        finally:
            self._dialing -= 1
            if not self._dialing:
                self._early_events.clear()
                self._early_replies.clear()

    def _adopt(self, leg: Leg, call: Call) -> None:
        """Trap 1: events that came before the `Call` existed are given to it, and to its leg, now."""
        self._by_handle[call.handle] = leg
        leg.adopt(call)
        for event in self._early_events.pop(call.handle, ()):
            call._on_stack_event(event)  # noqa: SLF001, else it would listen for ever
            self._tell(leg, event)

    def _take(self, event: StackEvent) -> None:
        leg = self._by_handle.get(event.call)
        if leg is not None:
            self._tell(leg, event)
        elif event.call and self._dialing:
            self._early_events[event.call].append(event)

    def _tell(self, leg: Leg, event: StackEvent) -> None:
        if event.call_id and event.call_id not in self._by_call_id and not leg.over:
            self._by_call_id[event.call_id] = leg
            if event.call_id in self._early_replies:
                leg.hear(self._early_replies[event.call_id])
        leg.take(event)

    def _heard(self, reply: Reply) -> None:
        leg = self._by_call_id.get(reply.call_id)
        if leg is not None:
            leg.hear(reply)
        elif self._dialing:
            self._early_replies[reply.call_id] = reply

    def _forget(self, number: int) -> None:
        leg = self._legs.pop(number)
        self._by_handle = {handle: other for handle, other in self._by_handle.items() if other is not leg}
        self._by_call_id.pop(leg.call_id or "", None)
        if not self._legs:
            self._empty.set()

    # Ending calls

    def _release(self, leg: Leg) -> None:
        if leg.call is not None:
            self._spawn(self._hang_up(leg, leg.call))

    async def _hang_up(self, leg: Leg, call: Call) -> None:
        """One at a time: a crowd of hangups would keep the SIP thread from everything else."""
        async with self._hanging_up:
            if leg.over:
                return
            if leg.heard_of and leg.call_id:
                self._trace.expect(leg.call_id)
            await self._command(call.hangup())

    async def _command(self, doing: Coroutine[None, None, None]) -> None:
        try:
            await doing
        except StaleHandleError:
            pass  # the far end was faster
        except (CommandTimeout, RuntimeDead) as error:
            self._die(str(error))
        except BaresipError as error:
            log.warning("%s", error)

    async def _pump(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for leg in list(self._legs.values()):
                leg.sound.pump()

    async def _relay(self) -> None:
        while True:
            await asyncio.sleep(BRIDGE_TICK)
            for leg in list(self._legs.values()):
                if leg.sound.joined:
                    leg.sound.pump()

    def _spawn(self, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a fault of our own", exc_info=error)
            self._die(repr(error))

    def _die(self, reason: str) -> NoReturn:
        """Nothing is certain any more: the engine reports the calls as lost and starts another worker."""
        log.critical("ends: %s", reason)
        os._exit(_CRASHED)
