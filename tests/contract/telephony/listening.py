"""What the telephony tests share: an INVITE with all but its point filled in, and ears for a call's events."""

import asyncio
import math
import struct
import wave
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from leadline.telephony.engine import SAMPLE_RATE, Call, CallEvent, Ended, Invite, Pcm

E = TypeVar("E", bound=CallEvent)
_attempts = count(1)


def an_invite(uri: str, **values: Any) -> Invite:
    return Invite(**{"attempt_id": f"attempt-{next(_attempts)}", "uri": uri, "ring_timeout": 10.0, **values})


def a_tone(seconds: float, amplitude: int = 8_000) -> Pcm:
    """A loud tone of 400 Hz."""
    step = 2 * math.pi * 400 / SAMPLE_RATE
    samples = [int(amplitude * math.sin(step * n)) for n in range(int(seconds * SAMPLE_RATE))]
    return struct.pack(f"<{len(samples)}h", *samples)


def wav_samples(path: Path) -> Pcm:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (SAMPLE_RATE, 1, 2)
        return file.readframes(file.getnframes())


class Listener:
    """One call's events in order, each taken once; waiting for one keeps those before it."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.heard: list[CallEvent] = []
        self._events: AsyncIterator[CallEvent] = call.events()

    async def until(self, kind: type[E], within: float = 15.0) -> E:
        """The next event of that kind."""
        async with asyncio.timeout(within):
            async for event in self._events:
                self.heard.append(event)
                if isinstance(event, kind):
                    return event
        raise AssertionError(f"the call ended without {kind.__name__}: {self.heard}")

    async def ended(self, within: float = 15.0) -> Ended:
        """The end, after which the events are over."""
        ended = await self.until(Ended, within)
        async with asyncio.timeout(within):
            assert [event async for event in self._events] == []
        return ended

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]


async def soon(happened: Callable[[], bool], within: float = 15.0) -> None:
    """Wait for what has no event of its own; raises TimeoutError."""
    async with asyncio.timeout(within):
        while not happened():
            await asyncio.sleep(0.01)
