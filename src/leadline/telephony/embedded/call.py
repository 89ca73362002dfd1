"""The engine's side of one call: its events in a queue, its commands on their way to the worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from leadline.telephony.embedded.messages import Command, Hangup, Join, Play, Record, StopPlaying
from leadline.telephony.engine import Call, CallEvent, Ended, Pcm

Send = Callable[[Command], Awaitable[None]]


class EmbeddedCall:
    """A call held by a worker process, which knows it by `number`."""

    def __init__(self, number: int, attempt_id: str, send: Send) -> None:
        self.attempt_id = attempt_id
        self.number = number
        self.send = send
        self._events: asyncio.Queue[CallEvent] = asyncio.Queue()
        self._over = False
        self._plays = 0

    async def events(self) -> AsyncIterator[CallEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Ended):
                return

    def tell(self, event: CallEvent) -> None:
        """Hand on what the worker reported; nothing follows `Ended`."""
        if not self._over:
            self._over = isinstance(event, Ended)
            self._events.put_nowait(event)

    @property
    def over(self) -> bool:
        return self._over

    async def play(self, audio: Pcm) -> int:
        self._plays += 1
        await self._command(Play(self.number, self._plays, audio))
        return self._plays

    async def stop_playing(self) -> None:
        await self._command(StopPlaying(self.number))

    async def record(self, path: Path) -> None:
        await self._command(Record(self.number, str(path)))

    async def join(self, other: Call) -> None:
        if not isinstance(other, EmbeddedCall) or other.send != self.send:
            raise ValueError("only calls of one worker can be joined: originate the one beside the other")
        if not other.over:
            await self._command(Join(self.number, other.number))

    async def hangup(self) -> None:
        await self._command(Hangup(self.number))

    async def _command(self, command: Command) -> None:
        if not self._over:
            await self.send(command)
