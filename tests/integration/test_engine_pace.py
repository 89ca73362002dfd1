"""A worker process of the embedded engine is given only so many calls in a second, and shares them with the others."""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack

from builders import a_trunk
from integration.dialing import bench, process
from integration.test_trunk_limits import StampingPhone, most_in_a_second
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.embedded.slot import Slot


class CountingPhone(StampingPhone):
    """A phone that notes which of the engine's processes each call came from."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.by_sender: defaultdict[int, list[float]] = defaultdict(list)

    def _admit(self, invite, peer) -> None:
        before = len(self.came)
        super()._admit(invite, peer)
        self.by_sender[peer[1]] += self.came[before:]


class StampingSlot(Slot):
    """A place that notes when it was given each call."""

    def __init__(self, settings, port) -> None:
        super().__init__(settings, port)
        self.given: list[float] = []

    async def originate(self, invite):
        self.given.append(asyncio.get_running_loop().time())
        return await super().originate(invite)


async def test_the_dialer_waits_for_the_pace_of_the_engine_and_spreads_calls_over_its_processes(
    database, dsn, monkeypatch
):
    """A trunk that would take them all at once: what is more than the engine carries stays due, and fails nowhere."""
    monkeypatch.setattr("leadline.telephony.embedded.engine.Slot", StampingSlot)
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(CountingPhone(default=Callee.busy()))
        trunk = a_trunk(uri=phone.uri("N").replace("N", "{number}"), channels=100, cps=100)
        engine = EmbeddedEngine(EmbeddedSettings(workers=2, pace_per_worker=3))
        await engine.start()
        stack.push_async_callback(engine.stop)
        desk = bench(database, dsn, engine, process(trunks=(trunk,)))
        pushed = [await desk.push(number=f"+9184528923{n:02}") for n in range(18)]
        await stack.enter_async_context(desk.dialing())
        seen = [await desk.rested(lead) for lead in pushed]
    assert [[attempt["outcome"] for attempt in view["attempts"]] for view in seen] == [["busy"]] * 18
    assert sorted(len(came) for came in phone.by_sender.values()) == [9, 9]
    assert max(most_in_a_second(slot.given) for slot in engine._slots) <= 3
