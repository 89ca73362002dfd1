"""A push that is kept in a journal: broken off at any moment, it goes on where it was."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from leadline.cli.console import out, say
from leadline.cli.push.batches import Batch, Envelope
from leadline.cli.push.door import Door
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.formats import Shape
from leadline.cli.push.journal import Done, Journal, Plan
from leadline.cli.push.order import Order
from leadline.cli.push.rejects import Rejects
from leadline.cli.push.row import Fault, Row
from leadline.cli.push.source import Source
from leadline.cli.push.stream import Stream
from leadline.cli.push.tally import REJECTED, Tally

INTERRUPTED: Final = 130
REFUSED_SOME: Final = 3
"""Exit codes beside 0, and 1 for what cannot be pushed."""


class KeptPush:
    """A push that is kept in a journal."""

    def __init__(
        self, order: Order, door: Door, source: Source, shape: Shape, stream: Stream, envelope: Envelope
    ) -> None:
        self._order, self._stream = order, stream
        self._tally = Tally()
        is_file = source.modified is not None
        beside = order.file if is_file else "push"
        self._journal_file = order.journal or (Path(f"{beside}.push-journal") if is_file else None)
        self._rejects = Rejects(
            order.rejected or Path(f"{beside}.rejected.csv"),
            stream.rows.columns,
            delimiter=shape.delimiter,
            marked=source.encoding not in ("utf-8", "ascii"),
        )
        if self._rejects.file.resolve() == Path(order.file).resolve():
            raise CannotPush("--rejected is the file that is pushed: give another")
        parameters = {
            "servicekey": order.servicekey, "updateparam": envelope.nodes["updateparam"],
            "media": envelope.nodes["media"], "calltype": order.calltype, "calldatetime": order.calldatetime,
            "reqdatetime": order.reqdatetime, "map": list(order.maps), "exact": order.exact,
            "keep-blanks": order.keep_blanks, "batch": order.batch, "url": door.known_as,
        }  # fmt: skip
        salt = uuid4().hex if order.restart else ""
        self._plan = Plan(parameters, envelope.nodes["reqdatetime"], salt)
        self._envelope = envelope
        self._journal: Journal

    async def run(self, stack: ExitStack) -> int:
        """Push what is not pushed yet."""
        self._journal = Journal.open(self._journal_file, self._plan, restart=self._order.restart)
        stack.callback(self._journal.close)
        earlier = tuple(self._journal.done)
        for done in earlier:
            self._tally.add(done.counts, done.codes)
        begun = self._journal.plan
        nodes = {**self._envelope.nodes, "reqdatetime": begun.reqdatetime}
        self._envelope = Envelope(self._envelope.apikey, nodes, begun.salt)
        if earlier:
            self._rejects.keep_until(earlier[-1].last_row)
            say(f"going on after row {earlier[-1].last_row:,}: what stands before it is pushed already")
        seen = 0

        def document(batch: Batch) -> bytes | None:
            nonlocal seen
            seen += 1
            requestid = self._envelope.requestid(batch)
            if batch.number < len(earlier):
                self._check(earlier[batch.number], batch, requestid)
                return None
            return self._envelope.document(batch, requestid=requestid)

        try:
            ended = await self._stream.flow(document, self._settle)
        except asyncio.CancelledError:
            ended = False
        if not ended:
            return self._interrupted()
        if seen < len(earlier):
            raise self._changed()
        self._journal.remove()
        return self._finished()

    def _settle(self, batch: Batch, answer: Mapping[str, Any], refused: list[tuple[Row, Fault]]) -> None:
        counts = Counter(answer["counts"])
        if counts.total() != len(batch.records):
            raise CannotPush(f"Leadline was sent {len(batch.records)} records and answered for {counts.total()}")
        counts[REJECTED] += len(batch.refused)
        codes = Counter(fault.code for _, fault in refused)
        if not self._journal.done:
            self._rejects.keep_until(0)
        self._rejects.write(refused)
        self._journal.finished(
            Done(self._envelope.requestid(batch), batch.size, batch.last_row, dict(counts), dict(codes))
        )
        self._tally.add(counts, codes)
        self._tally.warn(answer.get("warnings", []))

    def _check(self, done: Done, batch: Batch, requestid: str) -> None:
        if (done.requestid, done.rows) != (requestid, batch.size):
            raise self._changed()

    def _changed(self) -> CannotPush:
        return CannotPush(
            f"{self._order.file} has changed since a part of it was pushed ({self._journal_file}): "
            "put it back as it was, or push all of it with --restart (nobody is doubled: the update key decides)"
        )

    def _interrupted(self) -> int:
        last = self._journal.done[-1].last_row if self._journal.done else 0
        again = "run the same command again to go on" if self._journal_file else "push the same again: none is doubled"
        say(f"stopped after row {last:,} ({self._tally.counts.total():,} records answered): {again}")
        return INTERRUPTED

    def _finished(self) -> int:
        watch = self._stream.watch
        self._tally.show(records=watch.records, seconds=watch.seconds, rate=watch.rate)
        if not self._tally.rejected:
            return 0
        out.print(
            f"{self._tally.rejected:,} records were refused: mend them in {self._rejects.file}, "
            "or what they were refused for, and push that file"
        )
        return REFUSED_SOME
