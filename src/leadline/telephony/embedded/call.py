"""The engine's side of one call: its events in a queue, its commands on their way to the worker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from leadline.telephony.embedded.messages import Command, Hangup, Play, Record, StopPlaying
from leadline.telephony.engine import CallEvent, Ended, Pcm

Send = Callable[[Command], Awaitable[None]]


class EmbeddedCall:
    """A call held by a worker process, which knows it by `number`."""

    def __init__(self, number: int, attempt_id: str, send: Send) -> None:
        self.attempt_id = attempt_id
        self._number = number
        self._send = send
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

    async def play(self, audio: Pcm) -> int:
        self._plays += 1
        await self._command(Play(self._number, self._plays, audio))
        return self._plays

    async def stop_playing(self) -> None:
        await self._command(StopPlaying(self._number))

    async def record(self, path: Path) -> None:
        await self._command(Record(self._number, str(path)))

    async def hangup(self) -> None:
        await self._command(Hangup(self._number))

    async def _command(self, command: Command) -> None:
        if not self._over:
            await self._send(command)
