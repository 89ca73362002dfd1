"""A web process that ends is begun anew: at once if it has lived, after a pause if it cannot live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from leadline.web import processes
from leadline.web.processes import Program, WebProcesses
from leadline.web.server import listen


class PausedClock:
    """A clock on which whoever sleeps is noted, and sleeps on."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.asleep = asyncio.Event()

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.asleep.set()
        await asyncio.Event().wait()


async def nothing_missing() -> dict[str, str]:
    return {}


@asynccontextmanager
async def that_end(clock: PausedClock) -> AsyncIterator[None]:
    """One process, of a module of Python's own that prints a poem and ends, and those that follow it."""
    kept = WebProcesses(Program("this", (), {}), listen("127.0.0.1", 0), nothing_missing, clock)
    serving = asyncio.create_task(kept.serve("postgresql:///"))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.wait([serving])
        await kept.stop()


async def test_one_that_ends_at_once_is_begun_after_a_pause():
    clock = PausedClock()
    async with that_end(clock):
        await asyncio.wait_for(clock.asleep.wait(), 60)
        assert clock.pauses == [1.0]


async def test_one_that_has_lived_is_followed_at_once_by_another(monkeypatch):
    """Who connects to its socket meanwhile is not refused, but waits."""
    monkeypatch.setattr(processes, "_LONG", 0.0)
    clock, begun = PausedClock(), asyncio.Semaphore(0)
    begin = asyncio.create_subprocess_exec

    async def counted(*program, **options):
        begun.release()
        return await begin(*program, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    async with that_end(clock):
        for _ in range(3):
            await asyncio.wait_for(begun.acquire(), 60)
    assert clock.pauses == []
