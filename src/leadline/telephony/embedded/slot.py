"""The place of one worker: kept filled, whatever becomes of the process in it."""

import asyncio
import contextlib
from collections import deque
from itertools import count

import structlog

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.embedded.call import EmbeddedCall
from leadline.telephony.embedded.messages import (
    Originate,
    Register,
    Registered,
    Shutdown,
    Told,
    Unregister,
    Worn,
)
from leadline.telephony.embedded.process import WorkerProcess
from leadline.telephony.embedded.settings import MOST_CALLS, EmbeddedSettings
from leadline.telephony.engine import Ended, Fault, Invite, Registrant, TrunkTold

log = structlog.get_logger()

_SECOND = 1.0
_STEADY_SECONDS = 30.0
"""A worker that lived this long has earned the shortest pause again."""


class Slot:
    """One worker and its calls. A worker that dies takes its calls with it, and is replaced after a growing pause."""

    def __init__(self, settings: EmbeddedSettings, port: int) -> None:
        self._settings, self._port = settings, port
        self._worker: WorkerProcess | None = None
        self._worn = False
        self._stopping = False
        self._numbers = count(1)
        self._calls: dict[int, EmbeddedCall] = {}
        self._sent: deque[float] = deque()
        """When each INVITE of the last second left."""
        self._supervision: asyncio.Task[None] | None = None
        self._registrants: dict[str, Registrant] = {}
        self._registered: TrunkTold = lambda _trunk, _missing: None

    @property
    def pid(self) -> int | None:
        return self._worker.pid if self._worker else None

    @property
    def listening(self) -> int | None:
        """The SIP port of the worker, None while there is none."""
        return self._worker.port if self._worker else None

    @property
    def calls(self) -> int:
        return len(self._calls)

    @property
    def free(self) -> int:
        """How many calls it would take now."""
        if self._worker is None or self._worn or self._stopping:
            return 0
        return self._settings.calls_per_worker - len(self._calls)

    @property
    def ready(self) -> int:
        """How many calls it would take at once, that is without being kept from those that are up."""
        self._forget_sent()
        return max(0, min(self.free, self._settings.pace_per_worker - len(self._sent)))

    @property
    def wait(self) -> float | None:
        """Seconds until it is ready for more by time alone; None if it is now, or time does not help."""
        if self.free <= 0 or self.ready:
            return None
        # Its pace may have been exceeded by second legs, which are never kept waiting.
        return max(0.0, self._sent[-self._settings.pace_per_worker] + _SECOND - asyncio.get_running_loop().time())

    def _forget_sent(self) -> None:
        over = asyncio.get_running_loop().time() - _SECOND
        while self._sent and self._sent[0] <= over:
            self._sent.popleft()

    @property
    def takes_second_leg(self) -> bool:
        """Whether a call may be made beside one of its own: a customer who is on the line is not turned away for room
        that new calls are denied."""
        return self._worker is not None and not self._stopping and len(self._calls) < MOST_CALLS

    def holds(self, call: object) -> bool:
        """Whether the call is up here."""
        return any(call is held for held in self._calls.values())

    async def start(self) -> None:
        """Raises `EngineUnavailable` if the first worker cannot come up."""
        self._stopping = False
        self._worker = await WorkerProcess.start(self._settings, self._port)
        self._supervision = asyncio.create_task(self._supervise(self._worker), name="telephony worker")

    async def originate(self, invite: Invite) -> EmbeddedCall:
        """To be asked only while `free`."""
        worker = self._worker
        assert worker is not None  # noqa: S101, free says so
        number = next(self._numbers)
        call = self._calls[number] = EmbeddedCall(number, invite.attempt_id, worker.send)
        self._sent.append(asyncio.get_running_loop().time())
        await worker.send(Originate(number, invite))
        return call

    def register(self, registrants: frozenset[Registrant], told: TrunkTold) -> None:
        """Be registered as these and no others, in this worker and in every one that follows it."""
        before, self._registrants = self._registrants, {each.trunk: each for each in registrants}
        self._registered = told
        if self._worker is None:
            return
        for trunk in before.keys() - self._registrants.keys():
            self._worker.tell(Unregister(trunk))
        for registrant in registrants - set(before.values()):
            self._worker.tell(Register(registrant))

    async def stop(self) -> None:
        """Hang up what is up and end the worker: killed if it takes longer than `stop_timeout`."""
        self._stopping = True
        if self._supervision is None:
            return
        if self._worker is not None:
            await self._worker.send(Shutdown())
            await asyncio.wait([self._supervision], timeout=self._settings.stop_timeout)
        if not self._supervision.done() and self._worker is not None:
            log.warning("telephony worker killed: it did not hang up in time", pid=self._worker.pid, calls=self.calls)
            await self._worker.kill()
            await asyncio.wait([self._supervision], timeout=self._settings.stop_timeout)
        self._supervision.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._supervision
        self._supervision = None

    async def _supervise(self, worker: WorkerProcess) -> None:
        loop = asyncio.get_running_loop()
        pause = self._settings.first_pause
        while True:
            born, self._worn = loop.time(), False
            status = await self._serve(worker)
            if self._stopping:
                return
            if self._worn and status == 0:
                log.info("telephony worker replaced: it had used as many caller ids as it may", pid=worker.pid)
            else:
                log.error("telephony worker died; starting another", pid=worker.pid, status=status)
                if loop.time() - born > _STEADY_SECONDS:
                    pause = self._settings.first_pause
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._settings.longest_pause)
            worker = self._worker = await self._start_again()

    async def _start_again(self) -> WorkerProcess:
        pause = self._settings.first_pause
        while True:
            try:
                return await WorkerProcess.start(self._settings, self._port)
            except EngineUnavailable as error:
                pause = min(pause * 2, self._settings.longest_pause)
                log.error("telephony worker does not start; trying again", reason=str(error), seconds=pause)  # noqa: TRY400
                await asyncio.sleep(pause)

    async def _serve(self, worker: WorkerProcess) -> int:
        """Hand on what the worker says until it is gone; returns its exit status."""
        for registrant in self._registrants.values():
            worker.tell(Register(registrant))
        try:
            while (report := await worker.report()) is not None:
                match report:
                    case Registered(trunk, missing) if trunk in self._registrants:
                        self._registered(trunk, missing)
                    case Registered():
                        """It is not asked for any more."""
                    case Told(call):
                        self._tell(call, report)
                    case Worn():
                        self._worn = True
                    case _:
                        log.warning("a telephony worker said something unexpected", report=report)
                if self._worn and not self._calls:
                    await worker.send(Shutdown())
        finally:
            self._worker = None
            self._lose_calls()
            for trunk in self._registrants:
                self._registered(trunk, "the process that was registered with it ended, and is started again")
            status = await worker.kill()
        return status

    def _tell(self, number: int, told: Told) -> None:
        event = told.event
        call = self._calls.pop(number, None) if isinstance(event, Ended) else self._calls.get(number)
        if call is not None:
            call.tell(event)

    def _lose_calls(self) -> None:
        for call in self._calls.values():
            call.tell(Ended(fault=Fault.ENGINE_LOST, reason="the telephony worker that held the call died"))
        self._calls.clear()
