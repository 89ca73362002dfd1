"""Micro-batching: pushes that come while a batch is being written are the next batch; nothing waits on a timer."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass
from typing import Final

import structlog

from leadline.domain.errors import DatabaseUnavailable
from leadline.intake.deciding import Reading, Taken

log = structlog.get_logger()

MOST: Final = 1_000
"""Records of one batch."""

Follows = Callable[[], bool]
"""Whether another batch waits."""
Store = Callable[[Sequence[Reading], Follows], Awaitable[Sequence[Taken | None]]]
"""Writes a batch in one transaction that waits for no other: None for a push of which another holds a lead."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    reading: Reading
    taken: asyncio.Future[Taken | None]


class MicroBatches:
    """Has pushes share transactions."""

    def __init__(self, session: Callable[[], AbstractAsyncContextManager[Store]]) -> None:
        """`session` opens what writes batches one after another, until PostgreSQL goes away."""
        self._session = session
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def take(self, reading: Reading) -> Taken | None:
        """What became of a push, or None if nothing was written: it is to be written by itself.

        A push is sent back for what others hold, and for what PostgreSQL says against any push of its batch: so
        none fails for its neighbours. Raises DatabaseUnavailable.
        """
        waiting = _Waiting(reading, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            # Of no request: what is logged of a batch is not the first one's.
            self._writing = asyncio.create_task(self._write(), name="writer of pushes", context=Context())
        return await waiting.taken

    async def _write(self) -> None:
        try:
            while batch := self._next():
                await self._write_from(batch)
        finally:
            self._writing = None

    async def _write_from(self, batch: Sequence[_Waiting]) -> None:
        """Write a batch, and those that form meanwhile."""
        try:
            async with self._session() as store:
                while batch:
                    taken = await store([waiting.reading for waiting in batch], lambda: bool(self._waiting))
                    self._answer(batch, taken)
                    batch = self._next()
        except DatabaseUnavailable as error:
            for waiting in batch:
                if not waiting.taken.done():
                    waiting.taken.set_exception(DatabaseUnavailable(str(error)))
        except Exception as error:  # noqa: BLE001  (each is written by itself, and says itself what is wrong with it)
            log.warning("a batch was not written; its pushes go one by one", pushes=len(batch), reason=str(error))
            self._answer(batch, [None] * len(batch))

    @staticmethod
    def _answer(batch: Sequence[_Waiting], taken: Sequence[Taken | None]) -> None:
        for waiting, answer in zip(batch, taken, strict=True):
            if not waiting.taken.done():
                waiting.taken.set_result(answer)

    def _next(self) -> list[_Waiting]:
        """The next batch: what waits longest, and all that may go with it, of one update parameter.

        Of two pushes by different parameters the later must find what the earlier wrote.
        """
        batch: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        records = 0
        while self._waiting and records < MOST:
            waiting = self._waiting.popleft()
            if waiting.taken.done():  # nobody waits for it any more
                continue
            if batch and waiting.reading.push.update_parameter is not batch[0].reading.push.update_parameter:
                left.append(waiting)
                continue
            batch.append(waiting)
            records += len(waiting.reading.records)
        self._waiting.extendleft(reversed(left))
        return batch
