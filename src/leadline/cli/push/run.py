"""A push from its first look at the file to its summary."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

import uvloop

from leadline.cli.console import say
from leadline.cli.push.batches import Batch, Envelope
from leadline.cli.push.columns import Columns, told_of
from leadline.cli.push.door import Door
from leadline.cli.push.forecast import Forecast
from leadline.cli.push.formats import Format, Shape, format_of, opened, shape_of
from leadline.cli.push.kept import INTERRUPTED, REFUSED_SOME, KeptPush
from leadline.cli.push.order import Order
from leadline.cli.push.progress import Watch
from leadline.cli.push.row import Fault, Row
from leadline.cli.push.sender import Sender
from leadline.cli.push.source import Source, source_of
from leadline.cli.push.stream import Stream
from leadline.clock import SystemClock


def push(order: Order, door: Door) -> int:
    """Push the file; the exit code. Raises CannotPush."""
    with source_of(order.file, order.encoding) as source:
        shape = shape_of(source, format_of(order.format), order.delimiter)
        if source.guessed:
            say(f"{source.name} is not UTF-8: read as Windows-1252 (other: --encoding)")
        return uvloop.run(_push(order, door, source, shape))


async def _push(order: Order, door: Door, source: Source, shape: Shape) -> int:
    stopping = asyncio.Event()
    task = asyncio.current_task()

    def stop() -> None:
        if stopping.is_set() and task is not None:  # asked twice: at once
            task.cancel()
        elif not stopping.is_set():
            stopping.set()
            say("stopping: waiting for the requests in flight; once more stops at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    envelope = Envelope(door.apikey, order.nodes(source, shape.nodes, SystemClock().now()))
    with ExitStack() as stack:
        rows = stack.enter_context(opened(source, shape))
        columns = Columns(
            told_of(order.maps),
            say,
            exact=order.exact or shape.is_document,
            keeps_blanks=order.keep_blanks or shape.format is not Format.CSV,
        )
        if rows.columns:
            columns.check(rows.columns, str(envelope.nodes["updateparam"]).strip().lower())
        async with Sender(door.url, door.apikey, stopping, say) as sender:
            watch = stack.enter_context(Watch(source.size, "trying" if order.dry_run else "pushing"))
            stream = Stream(rows, columns, order, watch, sender, stopping)
            if order.dry_run:
                return await _try(stream, envelope)
            return await KeptPush(order, door, source, shape, stream, envelope).run(stack)


async def _try(stream: Stream, envelope: Envelope) -> int:
    """Push nothing, and say what a push would do."""
    forecast = Forecast(SystemClock())

    def settle(batch: Batch, answer: Mapping[str, Any], refused: list[tuple[Row, Fault]]) -> None:
        forecast.add(answer["results"])
        forecast.refuse_unsent(len(batch.refused))
        forecast.reject(refused)

    with suppress(asyncio.CancelledError):
        if await stream.flow(lambda batch: envelope.document(batch, dryrun="1"), settle):
            forecast.show()
            return REFUSED_SOME if forecast.rejected else 0
    return INTERRUPTED
