"""The embedded engine: calls by baresip in supervised worker processes, one of which may die without the rest."""

import asyncio

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.embedded.settings import EmbeddedSettings
from leadline.telephony.embedded.slot import Slot
from leadline.telephony.engine import Call, Capacity, Invite, Registrant, TrunkTold

__all__ = ["EmbeddedEngine", "EmbeddedSettings"]


class EmbeddedEngine:
    """Places each call in the worker that is readiest for it; `EngineUnavailable` if none has room.

    How many INVITEs a worker sends in a second is bounded by what is asked of us: `capacity` has room for no more. The
    first worker listens on the configured port, further ones on free ports. Inbound INVITEs are refused.
    """

    name = "embedded"

    def __init__(self, settings: EmbeddedSettings | None = None) -> None:
        self._settings = settings or EmbeddedSettings()
        ports = [self._settings.port, *(0 for _ in range(self._settings.workers - 1))]
        self._slots = [Slot(self._settings, port) for port in ports]
        self._started = False

    @property
    def available(self) -> bool:
        return any(slot.free for slot in self._slots)

    @property
    def capacity(self) -> Capacity:
        calls = sum(slot.calls for slot in self._slots)
        waits = [wait for slot in self._slots if (wait := slot.wait) is not None]
        return Capacity(calls, calls + sum(slot.ready for slot in self._slots), min(waits, default=None))

    @property
    def worker_pids(self) -> list[int]:
        """The processes that hold calls now."""
        return [slot.pid for slot in self._slots if slot.pid is not None]

    @property
    def ports(self) -> list[int]:
        """The SIP ports that are listened on now."""
        return [slot.listening for slot in self._slots if slot.listening is not None]

    async def start(self) -> None:
        self._settings.check()
        outcomes = await asyncio.gather(*(slot.start() for slot in self._slots), return_exceptions=True)
        for failure in outcomes:
            if failure is not None:
                await self.stop()
                raise failure
        self._started = True

    async def stop(self) -> None:
        self._started = False
        await asyncio.gather(*(slot.stop() for slot in self._slots))

    def register(self, registrants: frozenset[Registrant], told: TrunkTold) -> None:
        """Be registered as these and no others from now on, from the configured port, where calls are to come."""
        self._slots[0].register(registrants, told)

    async def originate(self, invite: Invite, *, beside: Call | None = None) -> Call:
        slot = max(self._slots, key=lambda slot: (slot.ready, slot.free)) if beside is None else self._holder(beside)
        if not (slot.free if beside is None else slot.takes_second_leg):
            raise EngineUnavailable(self._why_not())
        return await slot.originate(invite)

    def _holder(self, call: Call) -> Slot:
        """The place of a call that is up: two calls can be joined only inside one worker."""
        for slot in self._slots:
            if slot.holds(call):
                return slot
        raise EngineUnavailable("the call to stand beside is over")

    def _why_not(self) -> str:
        if not self._started:
            return "the embedded engine has not been started"
        if not self.worker_pids:
            return "the embedded engine's workers are being started again; try again in a few seconds"
        return f"the embedded engine is full: {self.capacity.calls} calls are up; set LEADLINE_SIP_WORKERS higher"
