"""The batches of a file on their way."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.cli.push.batches import Batch, batches
from leadline.cli.push.columns import Columns
from leadline.cli.push.formats import Rows
from leadline.cli.push.order import Order
from leadline.cli.push.progress import Watch
from leadline.cli.push.row import Fault, Row
from leadline.cli.push.sender import Sender, Stopped
from leadline.cli.push.tally import faults_of
from leadline.clock import SystemClock

Settle = Callable[[Batch, Mapping[str, Any], list[tuple[Row, Fault]]], None]
"""Told what each batch was answered, and which of its rows were refused, here or there."""


@dataclass(slots=True)
class Stream:
    """The batches of a file on their way: a few requests in flight, each settled in the file's order."""

    rows: Rows
    columns: Columns
    order: Order
    watch: Watch
    sender: Sender
    stopping: asyncio.Event
    window: deque[tuple[Batch, asyncio.Task[dict[str, Any]]]] = field(default_factory=deque)

    async def flow(self, document: Callable[[Batch], bytes | None], settle: Settle) -> bool:
        """Send each batch that has a document; False if it was stopped before the file's end."""
        clock, is_broken_off = SystemClock(), False
        try:
            for batch in batches(self.rows, self.columns, self.order.batch):
                await clock.sleep(0)  # so that requests leave, and Ctrl-C is heard, while much is read
                if self.stopping.is_set():
                    is_broken_off = True
                    break
                body = document(batch)
                if body is None:
                    self.watch.skip(batch.position)
                    continue
                self.window.append((batch, asyncio.create_task(self._answer(batch, body))))
                if len(self.window) >= self.order.in_flight:
                    await self._settle_first(settle)
            while self.window:
                await self._settle_first(settle)
        except Stopped:
            return False
        finally:
            await self._abandon()
            self.watch.stop()
        return not is_broken_off

    async def _answer(self, batch: Batch, body: bytes) -> dict[str, Any]:
        return await self.sender.push(body) if batch.records else {"counts": {}, "results": []}

    async def _settle_first(self, settle: Settle) -> None:
        batch, task = self.window[0]
        answer = await task
        self.window.popleft()
        faults = faults_of(answer)
        refused = [*batch.refused, *((batch.rows[index], fault) for index, fault in faults.items())]
        refused.sort(key=lambda pair: pair[0].number)
        settle(batch, answer, refused)
        self.watch.done(batch.size, batch.position)

    async def _abandon(self) -> None:
        tasks = [task for _, task in self.window]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
