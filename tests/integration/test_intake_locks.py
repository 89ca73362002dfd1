"""What pushes hold against each other: their keys where two write at once, a whole process where there is no room."""

import asyncio
import random
from collections import Counter

import asyncpg
import pytest
from intake_front import Counting, Front

from builders import NUMBER
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.vendor import UpdateParameter
from leadline.store.matching import hold, stripe_of


@pytest.fixture
async def fronts(dsn):
    """Two intakes over one database, as two web processes have them."""
    pools = [Counting(dsn) for _ in range(2)]
    for pool in pools:
        await pool.open()
    yield [Front(pool) for pool in pools]
    for pool in pools:
        await pool.close()


@pytest.fixture
async def other(dsn):
    """A session that holds what the test has it hold."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


def customers(first, count):
    return [{"mobilenumber": f"98450{n:05}", "customercode": f"c{n}"} for n in range(first, first + count)]


async def test_two_intakes_that_push_the_same_and_other_keys_make_one_lead_of_each(fronts, other):
    chance = random.Random(1)  # noqa: S311  (an order, no secret)
    pushes = []
    for turn, front in enumerate(fronts):
        own = customers(1_000 * (turn + 1), 150)
        for parameter in ("mobilenumber", "customercode"):
            shared = customers(0, 150)
            chance.shuffle(shared)
            pushes += [front.push(*shared, updateparam=parameter), front.push(*own, updateparam=parameter)]
            pushes += [front.push(record, updateparam=parameter) for record in shared[:60] + own[:60]]
    chance.shuffle(pushes)
    answers = await asyncio.gather(*pushes)
    assert {answer["statusdesc"] for answer in answers} == {"success"}
    made = sum(answer["counts"]["created"] for answer in answers)
    leads = await fronts[0].rows("lead")
    assert made == len(leads) == len({lead["customercode"] for lead in leads}) == 450
    assert len(await fronts[0].rows("due", "lead_id")) == 450
    assert Counter(event["lead_id"] for event in await fronts[0].rows("event")) == {
        lead["id"]: lead["events"] for lead in leads
    }
    await other.execute("select pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    assert await other.fetchval("select deadlocks from pg_stat_database where datname = current_database()") == 0


async def test_a_batch_goes_beside_another_one_of_the_same_process(fronts, other):
    """Of its thirty pushes the one whose key the other batch holds waits, and nobody else."""
    process, stripe = stripe_of(1, UpdateParameter.MOBILENUMBER, NUMBER)
    begun = other.transaction()
    await begun.start()
    await other.execute("select pg_advisory_xact_lock_shared($1, 0), pg_advisory_xact_lock($1, $2)", process, stripe)
    held = asyncio.create_task(fronts[0].push({"mobilenumber": NUMBER}))
    async with asyncio.timeout(10):
        await asyncio.gather(*(fronts[0].push(customer) for customer in customers(0, 30)))
    assert fronts[0].database.transactions <= 3
    assert not held.done()
    await begun.rollback()
    assert (await held)["counts"]["created"] == 1


async def test_keys_of_a_process_that_is_held_wait_for_it(fronts, other):
    begun = other.transaction()
    await begun.start()
    await other.execute("select pg_advisory_xact_lock(1, 0)")
    waiting = asyncio.create_task(fronts[0].push(*customers(0, 2)))
    async with asyncio.timeout(10):
        while not await other.fetchval("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0)
    assert not waiting.done()
    await begun.rollback()
    assert (await waiting)["counts"]["created"] == 2


async def locks_of(database, count):
    """What is locked to hold so many keys of process 1."""
    async with database.transaction() as connection:
        assert await hold(connection, [(1, stripe) for stripe in range(1, count + 1)], waits=True) == frozenset()
        rows = await connection.fetch(
            "select mode from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"
        )
    return Counter(row["mode"] for row in rows)


async def test_a_push_of_many_keys_holds_them_and_its_process_where_they_would_fill_the_lock_table(fronts, other):
    database = fronts[0].database
    assert await locks_of(database, 600) == {"ShareLock": 1, "ExclusiveLock": 600}
    room = await other.fetchval(
        "select current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int"
    )
    await other.execute("select pg_advisory_lock(99, n) from generate_series(1, $1::int) as n", room // 2)
    assert await locks_of(database, 600) == {"ExclusiveLock": 1}
    assert await locks_of(database, 20) == {"ShareLock": 1, "ExclusiveLock": 20}
    assert (await fronts[0].push(*customers(0, 600)))["counts"]["created"] == 600


async def test_a_full_lock_table_is_met_by_holding_the_process_and_said_where_that_has_no_room_either(fronts, other):
    await fronts[0].push({"mobilenumber": NUMBER})  # nothing but the locks of its keys is new to the next one
    with pytest.raises(asyncpg.OutOfMemoryError):
        await other.execute("select pg_advisory_lock(99, n) from generate_series(1, 1000000) as n")
    with pytest.raises(DatabaseUnavailable, match=r"no room for more locks; .* raise its max_locks_per_transaction"):
        await fronts[0].push(*customers(0, 40))
    await other.execute("select pg_advisory_unlock(99, n) from generate_series(1, 30) as n")
    assert (await fronts[0].push(*customers(0, 40)))["counts"]["created"] == 40
