"""Calls a second of one embedded worker, over SIP to a phone in a process of its own: declined, and answered.

The ceiling is a bare baresip worker that does nothing but dial, with as many calls under way.
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import perf_counter

import baresip
import uvloop
from figure import Figure
from serving import program

from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Answered, Ended, Invite
from leadline.telephony.phone.phone import Phone

SECONDS = 8.0
UNDER_WAY = 10
"""Calls that are dialed at the same time; each is over before its place is taken by the next."""
TURNS = 2
"""Each is measured so often, in turn with its ceiling."""
CALLEES = {"declined": Callee.declined(), "answered and hung up": Callee.answers()}
HERE = str(Path(__file__))

Dial = Callable[[str], Awaitable[None]]


async def measure() -> list[Figure]:
    """What Leadline's worker does of what a bare one does."""
    figures = []
    for what in CALLEES:
        rates: dict[str, list[float]] = {"ours": [], "bare": []}
        async with program(HERE, "phone", what) as (port, _):
            for _, (name, found) in itertools.product(range(TURNS), rates.items()):
                async with program(HERE, name, port) as (rate, _):
                    found.append(float(rate))
        ours, bare = (max(found) for found in rates.values())
        figures.append(Figure(f"embedded engine, {what}", ours, bare, "calls/s", ">= 0.9", "a bare baresip worker"))
    return figures


async def rate(dial: Dial, uri: str) -> float:
    """Calls a second from beginning to end, so many at a time."""
    began, done = perf_counter(), 0

    async def dial_on() -> None:
        nonlocal done
        while perf_counter() - began < SECONDS:
            await dial(uri)
            done += 1

    await asyncio.gather(*(dial_on() for _ in range(UNDER_WAY)))
    return done / (perf_counter() - began)


@contextlib.asynccontextmanager
async def ours() -> AsyncIterator[Dial]:
    """A call by the embedded engine, hung up once it is answered."""
    engine = EmbeddedEngine(EmbeddedSettings())
    await engine.start()
    numbers = itertools.count(1)

    async def dial(uri: str) -> None:
        call = await engine.originate(Invite(str(next(numbers)), uri, ring_timeout=10))
        async for event in call.events():
            match event:
                case Answered():
                    await call.hangup()
                case Ended(fault=fault) if fault is not None:
                    raise AssertionError(f"a call failed: {event}")

    try:
        yield dial
    finally:
        await engine.stop()


@contextlib.asynccontextmanager
async def bare() -> AsyncIterator[Dial]:
    """A call by baresip alone. Events that come before `dial` returns are kept for it: else they are lost."""
    runtime = baresip.Runtime()
    await runtime.start(baresip.Config(net_interface="127.0.0.1", max_concurrent_calls=None,
                                       extra_config_text="rtp_ports 30000-39999\n"))  # fmt: skip
    account = baresip.Account(user="bare", domain="127.0.0.1", password="", reg_interval=0,
                              audio_codecs=("pcma", "pcmu"))  # fmt: skip
    agent = await baresip.UserAgent.create(runtime, account)
    early: dict[int, list[baresip.StackEvent]] = {}
    over: dict[int, asyncio.Event] = {}

    def heard(event: baresip.StackEvent) -> None:
        if not event.call:
            return
        if event.call not in over:
            early.setdefault(event.call, []).append(event)
        elif event.event is baresip.Event.CALL_CLOSED:
            over[event.call].set()

    runtime.subscribe(heard)

    async def dial(uri: str) -> None:
        call = await agent.dial(uri)
        ended = over[call.handle] = asyncio.Event()
        for event in early.pop(call.handle, ()):
            call._on_stack_event(event)  # noqa: SLF001, else it would listen for ever
            if event.event is baresip.Event.CALL_CLOSED:
                ended.set()
        with contextlib.suppress(baresip.CallFailed):
            await call.wait_established(10)
            await call.hangup()
        await ended.wait()
        del over[call.handle]

    yield dial


async def callee(what: str) -> None:
    async with Phone(default=CALLEES[what]) as phone:
        print("ready", phone.port, flush=True)
        await asyncio.Event().wait()


async def dialer(name: str, port: str) -> None:
    async with {"ours": ours, "bare": bare}[name]() as dial:
        uri = f"sip:31@127.0.0.1:{port}"
        await dial(uri)
        print("ready", await rate(dial, uri), flush=True)


if __name__ == "__main__":
    uvloop.run(callee(sys.argv[2]) if sys.argv[1] == "phone" else dialer(*sys.argv[1:]))
