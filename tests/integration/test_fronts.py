"""Where the dialer's queues begin: a look reads no more than it must, and misses nothing for longer than a second."""

from datetime import timedelta

import pytest

from builders import NOON, a_lead, insert
from leadline.calling.fronts import WHOLE_EVERY, YOUNG, Fronts
from leadline.domain.moment import EARLIEST
from leadline.domain.upsert import DueKind
from leadline.store import claims
from leadline.store.claims import Front

ASKED = [(DueKind.AGREED, 1), (DueKind.CALL, 1)]
FRESH = 3
MINUTE = timedelta(minutes=1)


class Seconds:
    """A time that stands still until a test moves it."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
async def connection(database):
    async with database.transaction() as connection:
        yield connection


async def due(connection, lead_id, at):
    await insert(connection, [a_lead(id=lead_id, due_at=at)])


async def found(fronts, connection):
    return [front.due_at for front in await fronts.look(connection, ASKED, NOON)]


async def test_the_first_row_of_each_queue_is_found_be_its_time_come_or_not(connection):
    fronts = Fronts(Seconds())
    await insert(connection, [a_lead(id=1, due_at=NOON - MINUTE), a_lead(id=2, due_at=NOON)])
    await insert(connection, [a_lead(id=3, calltype=5, due_at=NOON + MINUTE)])
    assert await fronts.look(connection, ASKED, NOON) == [
        Front(DueKind.CALL, 1, 0, NOON + MINUTE), Front(DueKind.CALL, 1, FRESH, NOON - MINUTE),
    ]  # fmt: skip
    assert await fronts.after(connection, [Front(DueKind.CALL, 1, 0, NOON)], NOON + MINUTE) == []
    assert await fronts.after(connection, [Front(DueKind.CALL, 1, 0, NOON)], NOON) == [NOON + MINUTE]


async def test_what_is_due_at_a_time_long_past_is_found_a_second_later_at_most(connection):
    seconds = Seconds()
    fronts = Fronts(seconds)
    await due(connection, 1, NOON - MINUTE)
    assert await found(fronts, connection) == [NOON - MINUTE]
    assert fronts.wait is None
    await due(connection, 2, NOON - 2 * MINUTE)
    seconds.time = WHOLE_EVERY / 2
    assert await found(fronts, connection) == [NOON - MINUTE]
    assert fronts.wait == pytest.approx(WHOLE_EVERY / 2)
    seconds.time = WHOLE_EVERY
    assert await found(fronts, connection) == [NOON - 2 * MINUTE]
    assert fronts.wait is None


async def test_what_has_just_become_due_is_found_by_every_look_whatever_was_found_before(connection):
    fronts = Fronts(Seconds())
    assert await found(fronts, connection) == []
    await due(connection, 1, NOON)
    assert await found(fronts, connection) == [NOON]
    await due(connection, 2, NOON - YOUNG)
    assert await found(fronts, connection) == [NOON - YOUNG]


async def test_a_look_reads_nothing_of_what_was_taken_before(connection):
    """However many rows were drawn, as long as an old snapshot keeps them: counted in pages."""
    many = 2_000
    await insert(connection, [a_lead(id=n, due_at=NOON - MINUTE) for n in range(1, many)])
    await due(connection, many, NOON - MINUTE / 2)
    fronts = Fronts(Seconds())
    (front,) = await fronts.look(connection, ASKED, NOON)
    assert len(await claims.draw(connection, front, NOON, many - 1, NOON)) == many - 1
    await fronts.look(connection, ASKED, NOON)
    begin = fronts._begin[DueKind.CALL, 1, FRESH]
    assert begin == NOON - MINUTE / 2
    assert await pages(connection, begin) < await pages(connection, EARLIEST) / 3


async def pages(connection, since):
    """How many pages the search for the first row from then on reads."""
    (row,) = await connection.fetchrow(
        """explain (analyze, buffers, format json) select due_at from due
           where kind = 'call' and process_id = 1 and priority = 3 and due_at >= $1 order by due_at limit 1""",
        since,
    )
    return row[0]["Plan"]["Shared Hit Blocks"]


async def test_of_processes_whose_leads_are_due_at_one_instant_whoever_was_served_longest_ago_comes_first(connection):
    await insert(connection, [a_lead(id=n, process_id=n, number_key=str(n), due_at=NOON) for n in (1, 2, 3)])
    await insert(connection, [a_lead(id=4, process_id=4, number_key="4", due_at=NOON - MINUTE)])
    fronts = Fronts(Seconds())

    async def order():
        asked = [(DueKind.CALL, process) for process in (1, 2, 3, 4)]
        return [front.process_id for front in await fronts.look(connection, asked, NOON)]

    assert await order() == [4, 1, 2, 3]
    for process, then in ((4, [4, 1, 2, 3]), (1, [4, 2, 3, 1]), (2, [4, 3, 1, 2]), (3, [4, 1, 2, 3])):
        fronts.turns.took(process)
        assert await order() == then
