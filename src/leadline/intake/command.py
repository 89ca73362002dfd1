"""The one intake command: a push in, what became of each record out, all of it durable before it is answered.

One transaction holds the keys, reads the leads that they name (locked), decides record by record, and writes leads,
due rows, events and the push log. The same key twice is decided twice, in order: the later wins.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable, Overloaded
from leadline.intake.deciding import Ledger, Reading, Result, Seal, Taken, check_subscription, read_records, reading_of
from leadline.intake.request import Push
from leadline.intake.writer import Follows, MicroBatches, Store
from leadline.store import answers
from leadline.store.database import Database, Succession
from leadline.store.matching import Moved, Stripe, hold, match
from leadline.store.writing import write

__all__ = ["Intake", "Result", "Seal", "Taken"]

ATTEMPTS: Final = 5
"""How often a push is written again when PostgreSQL ends it for a deadlock, or for want of locks."""
NO_ROOM: Final = (
    "PostgreSQL has no room for more locks; nothing was stored, push again, and raise its max_locks_per_transaction if "
    "that does not help"
)
SMALL: Final = 100
"""Records of a push that may share its transaction with others."""
MOST_UNDER_WAY: Final = 50_000
"""Records that may be read, decided and written at a time."""
TURN: Final = 50
"""Records after which others have their turn: a large push stops nobody else's, nor a call."""

_T = TypeVar("_T")


class Intake:
    """Takes pushes for every organisation."""

    def __init__(
        self, database: Database, clock: Clock, counted: Callable[[Sequence[Mapping[str, int]]], None] = lambda _: None
    ) -> None:
        self._database = database
        self._clock = clock
        self._counted = counted
        self._together = MicroBatches(self._session)
        self._under_way = 0

    async def take(self, push: Push, seal: Seal | None = None) -> Taken:
        """Store a push; raises PushRefused if none of it can be, DatabaseUnavailable or Overloaded if it is to be sent
        again.

        A push with a seal is taken once: where it has been before, whatever the seal raises goes out unchanged.
        """
        check_subscription(push)
        self._admit(len(push.records))
        try:
            reading = reading_of(push, await _in_turns(read_records(push)), seal)
            if len(push.records) <= SMALL:
                taken = await self._together.take(reading)
            else:
                taken = None
            if taken is None:
                taken = await self._take_alone(reading)
                self._counted([taken.counts])
            return taken
        finally:
            self._under_way -= len(push.records)

    def _admit(self, records: int) -> None:
        if self._under_way and self._under_way + records > MOST_UNDER_WAY:
            raise Overloaded(f"{self._under_way} records are being stored already; nothing of this push was: try again")
        self._under_way += records

    async def _take_alone(self, reading: Reading) -> Taken:
        whole = False
        for _ in range(ATTEMPTS):
            try:
                async with self._database.transaction() as connection:
                    if reading.seal is not None:
                        await reading.seal.open(connection)
                    [taken] = await self._write(connection, [reading], waits=True, whole=whole)
                    assert taken is not None  # noqa: S101  (what others hold was waited for)
            except (asyncpg.DeadlockDetectedError, Moved):
                continue
            except asyncpg.OutOfMemoryError as error:  # the lock table is full, whoever filled it
                if whole:
                    raise DatabaseUnavailable(NO_ROOM) from error
                whole = True
                continue
            return taken
        raise DatabaseUnavailable("too many pushes of the same customers at once; nothing was stored, push again")

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Store]:
        async with self._database.succession() as succession:
            yield partial(self._store, succession)

    async def _store(self, succession: Succession, readings: Sequence[Reading], follows: Follows) -> list[Taken | None]:
        """Write pushes together; None for one that another holds something of, or that was answered before."""
        async with succession.one(follows) as connection:
            sealed = {reading.seal.place: reading for reading in reversed(readings) if reading.seal}
            unanswered = await answers.unanswered(connection, list(sealed), self._clock.now()) if sealed else set()
            first = [r for r in readings if not r.seal or (r.seal.place in unanswered and sealed[r.seal.place] is r)]
            written = await self._write(connection, first, waits=False) if first else []
        self._counted([taken.counts for taken in written if taken])
        taken = dict(zip(map(id, first), written, strict=True))
        return [taken.get(id(reading)) for reading in readings]

    async def _write(
        self, connection: Any, readings: Sequence[Reading], *, waits: bool, whole: bool = False
    ) -> list[Taken | None]:
        """Write pushes of one update parameter; without `waits`, None for one whose keys another transaction holds.

        `whole` holds processes instead of keys.
        """
        stripes = frozenset[Stripe]().union(*(reading.stripes for reading in readings))
        held = await hold(connection, stripes, waits=waits, whole=whole)
        free = [reading for reading in readings if held.isdisjoint(reading.stripes)]
        matches = await match(
            connection,
            readings[0].push.update_parameter,
            dict.fromkeys(key for reading in free for key in reading.keys),
            {number for reading in free for number in reading.numbers},
            self._clock.now(),
            waits=waits,
        )
        ledger = Ledger.opened(matches, self._clock.now())
        taken: list[Taken | None] = []
        for reading in readings:
            if held.isdisjoint(reading.stripes) and matches.busy.isdisjoint(reading.keys):
                taken.append(ledger.close(reading, await _in_turns(ledger.decided(reading))))
            else:
                taken.append(None)
        await write(connection, ledger.rows)
        kept = [(r.seal.place, r.seal.keep(t)) for r, t in zip(readings, taken, strict=True) if r.seal and t]
        if kept:
            await answers.write(connection, kept, self._clock.now())
        return taken


async def _in_turns(items: Iterable[_T]) -> list[_T]:
    """All of them, with a turn for everything else now and then."""
    done: list[_T] = []
    for item in items:
        done.append(item)
        if len(done) % TURN == 0:
            await asyncio.sleep(0)
    return done
