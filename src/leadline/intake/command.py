"""The one intake command: a push in, what became of each record out, all of it durable before it is answered.

One transaction holds the keys, reads the leads that they name (locked), decides record by record, and writes leads,
due rows, events and the push log. The same key twice is decided twice, in order: the later wins.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import asyncpg

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable, Overloaded
from leadline.intake.deciding import Ledger, Reading, Result, Taken, check_subscription, read_records, reading_of
from leadline.intake.request import Push
from leadline.intake.writer import MicroBatches
from leadline.store.database import Database
from leadline.store.matching import Moved, hold, match
from leadline.store.writing import write

__all__ = ["Intake", "Result", "Seal", "Taken"]

ATTEMPTS: Final = 5
"""How often a push is written again when PostgreSQL ends it for a deadlock."""
SMALL: Final = 100
"""Records of a push that may share its transaction with others."""
MOST_UNDER_WAY: Final = 50_000
"""Records that may be read, decided and written at a time."""
TURN: Final = 50
"""Records after which others have their turn: a large push stops nobody else's, nor a call."""

_T = TypeVar("_T")


class Seal(Protocol):
    """What is done with a push inside its transaction, before anything else and after everything else."""

    async def open(self, connection: Any) -> None:
        """Called first; whatever it raises goes out unchanged, and nothing of the push is written."""
        ...

    async def close(self, connection: Any, taken: Taken) -> None:
        """Called last, before the commit."""
        ...


class Intake:
    """Takes pushes for every organisation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._together = MicroBatches(self._store)
        self._under_way = 0

    async def take(self, push: Push, seal: Seal | None = None) -> Taken:
        """Store a push; raises PushRefused if none of it can be, DatabaseUnavailable or Overloaded if it is to be sent
        again.

        A push with a seal has a transaction of its own; one that PostgreSQL made begin again opens its seal again.
        """
        check_subscription(push)
        with self._admitted(len(push.records)):
            reading = reading_of(push, await _in_turns(read_records(push)))
            if seal is None and len(push.records) <= SMALL:
                taken = await self._together.take(reading)
                if taken is not None:
                    return taken
            return await self._take_alone(reading, seal)

    @contextmanager
    def _admitted(self, records: int) -> Iterator[None]:
        if self._under_way and self._under_way + records > MOST_UNDER_WAY:
            raise Overloaded(f"{self._under_way} records are being stored already; nothing of this push was: try again")
        self._under_way += records
        try:
            yield
        finally:
            self._under_way -= records

    async def _take_alone(self, reading: Reading, seal: Seal | None) -> Taken:
        for _ in range(ATTEMPTS):
            try:
                async with self._database.transaction() as connection:
                    if seal is not None:
                        await seal.open(connection)
                    [taken] = await self._write(connection, [reading], waits=True)
                    assert taken is not None  # noqa: S101  (what others hold was waited for)
                    if seal is not None:
                        await seal.close(connection, taken)
            except (asyncpg.DeadlockDetectedError, Moved):
                continue
            return taken
        raise DatabaseUnavailable("too many pushes of the same customers at once; nothing was stored, push again")

    async def _store(self, readings: Sequence[Reading]) -> list[Taken | None]:
        async with self._database.transaction() as connection:
            return await self._write(connection, readings, waits=False)

    async def _write(self, connection: Any, readings: Sequence[Reading], *, waits: bool) -> list[Taken | None]:
        """Write pushes of one update parameter; without `waits`, None for one whose keys another transaction holds."""
        held = await hold(connection, {stripe for reading in readings for stripe in reading.stripes}, waits=waits)
        free = [reading for reading in readings if held.isdisjoint(reading.stripes)]
        matches = await match(
            connection,
            readings[0].push.update_parameter,
            dict.fromkeys(key for reading in free for key in reading.keys),
            {number for reading in free for number in reading.numbers},
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
        return taken


async def _in_turns(items: Iterable[_T]) -> list[_T]:
    """All of them, with a turn for everything else now and then."""
    done: list[_T] = []
    for item in items:
        done.append(item)
        if len(done) % TURN == 0:
            await asyncio.sleep(0)
    return done
