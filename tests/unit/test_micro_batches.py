"""The batches that pushes share: who goes together, and that nobody pays for a neighbour."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from builders import a_process, an_organisation
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.record import Defaults
from leadline.domain.vendor import Media, UpdateParameter
from leadline.intake.deciding import Reading, Taken, reading_of
from leadline.intake.request import Push
from leadline.intake.writer import MOST, MicroBatches


def a_reading(name: str, parameter: UpdateParameter = UpdateParameter.MOBILENUMBER, records: int = 1) -> Reading:
    push = Push(
        organisation=an_organisation(),
        process=a_process(),
        media=Media.VOICE_OUT,
        update_parameter=parameter,
        requested_at=datetime(2026, 1, 1, tzinfo=UTC),
        defaults=Defaults(),
        records=[],
        transport="json",
        requestid=name,
    )
    return replace(reading_of(push, []), records=[None] * records)


class Store:
    """Writes nothing; holds each batch until it is let go."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.batches: list[list[str]] = []
        self.free = asyncio.Event()
        self.fails = fails
        self.held: set[str] = set()

    @asynccontextmanager
    async def session(self):
        yield self.write

    async def write(self, readings, follows):
        self.batches.append([reading.requestid for reading in readings])
        await self.free.wait()
        if self.fails:
            raise self.fails
        return [None if r.requestid in self.held else Taken(r.requestid, [], {}) for r in readings]


async def taken(store, *readings):
    """What became of the first, and of those that come while it is being written."""
    batches = MicroBatches(store.session)
    first, *others = readings
    tasks = [asyncio.create_task(batches.take(first))]
    while not store.batches:
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(batches.take(reading)) for reading in others]
    await asyncio.sleep(0)
    store.free.set()
    return [
        answer and getattr(answer, "requestid", answer)
        for answer in await asyncio.gather(*tasks, return_exceptions=True)
    ]


async def test_pushes_that_come_while_one_is_written_are_the_next_batch():
    store = Store()
    assert await taken(store, *map(a_reading, "abcd")) == ["a", "b", "c", "d"]
    assert store.batches == [["a"], ["b", "c", "d"]]


async def test_a_batch_is_of_one_update_parameter_and_what_waits_longest_goes_first():
    store = Store()
    code = UpdateParameter.CUSTOMERCODE
    readings = [a_reading("a"), a_reading("b", code), a_reading("c"), a_reading("d", code), a_reading("e")]
    assert await taken(store, *readings) == ["a", "b", "c", "d", "e"]
    assert store.batches == [["a"], ["b", "d"], ["c", "e"]]


async def test_a_batch_ends_where_it_has_enough_records():
    store = Store()
    await taken(store, a_reading("a"), a_reading("b", records=MOST - 1), a_reading("c", records=5), a_reading("d"))
    assert store.batches == [["a"], ["b", "c"], ["d"]]


async def test_what_another_transaction_holds_is_sent_back():
    store = Store()
    store.held = {"b"}
    assert await taken(store, *map(a_reading, "abc")) == ["a", None, "c"]


async def test_what_the_database_says_against_one_sends_back_all_of_its_batch():
    assert await taken(Store(RuntimeError("no")), *map(a_reading, "abc")) == [None] * 3


async def test_a_database_that_is_away_is_said_to_everyone():
    answers = await taken(Store(DatabaseUnavailable("gone")), *map(a_reading, "abc"))
    assert [str(answer) for answer in answers] == ["gone"] * 3
    assert len({id(answer) for answer in answers}) == 3


async def test_who_waits_no_more_is_not_written():
    store = Store()
    batches = MicroBatches(store.session)
    first = asyncio.create_task(batches.take(a_reading("a")))
    while not store.batches:
        await asyncio.sleep(0)
    gone, stays = (asyncio.create_task(batches.take(a_reading(name))) for name in "bc")
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    store.free.set()
    await asyncio.gather(first, stays)
    assert store.batches == [["a"], ["c"]]


async def test_a_push_after_a_pause_is_written_too():
    store = Store()
    store.free.set()
    batches = MicroBatches(store.session)
    for name in "abc":
        answer = await batches.take(a_reading(name))
        assert answer is not None
        assert answer.requestid == name
    assert store.batches == [["a"], ["b"], ["c"]]
