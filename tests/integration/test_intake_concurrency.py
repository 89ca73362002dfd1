"""Pushes at once: one lead of a key, no circle of waiting, and nothing half-written when PostgreSQL goes away."""

import asyncio
from collections import Counter

import asyncpg
import pytest
from intake_front import Front

from builders import NUMBER
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import Database


@pytest.fixture
async def fronts(dsn):
    """Two Leadlines over one database, with twenty connections each."""
    pools = [Database(dsn, connections=20) for _ in range(2)]
    for pool in pools:
        await pool.open()
    yield [Front(pool) for pool in pools]
    for pool in pools:
        await pool.close()


def numbers(count):
    return [f"98{n:08}" for n in range(count)]


async def test_thirty_pushes_at_once_on_one_key_make_one_lead(fronts):
    push = {"mobilenumber": NUMBER, "name": "x"}
    actions = Counter(await asyncio.gather(*(fronts[n % 2].action(push) for n in range(30))))
    assert actions == {"created": 1, "unchanged": 29}
    assert len(await fronts[0].rows("lead")) == 1
    assert len(await fronts[0].due()) == 1


async def test_pushes_by_different_keys_of_one_new_customer_make_one_lead(fronts):
    customer = {"mobilenumber": NUMBER, "customercode": "1", "leadnumber": "2"}
    parameters = ["mobilenumber", "customercode", "crmuniquefield"] * 8
    actions = Counter(
        await asyncio.gather(*(fronts[n % 2].action(customer, updateparam=p) for n, p in enumerate(parameters)))
    )
    assert actions == {"created": 1, "unchanged": 23}


@pytest.fixture
async def deadlocks(dsn):
    """How many transactions PostgreSQL has ended for a deadlock in this database, asked when the test is over."""
    admin = await asyncpg.connect(dsn)

    async def count():
        await admin.execute("select pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        return await admin.fetchval("select deadlocks from pg_stat_database where datname = current_database()")

    yield count
    await admin.close()


async def test_overlapping_pushes_in_any_order_by_any_key_never_wait_in_a_circle(fronts, deadlocks):
    customers = [{"mobilenumber": n, "customercode": f"c{i}"} for i, n in enumerate(numbers(60))]
    await fronts[0].push(*customers)
    by_number = [{"mobilenumber": c["mobilenumber"]} for c in customers]
    by_code = [{"customercode": c["customercode"]} for c in customers]
    pushes = []
    for turn in range(6):
        name = {"name": f"turn {turn}"}
        pushes += [
            fronts[0].push(*({**r, **name} for r in by_number)),
            fronts[1].push(*({**r, **name} for r in reversed(by_number))),
            fronts[0].push(*({**r, **name} for r in reversed(by_code)), updateparam="customercode"),
            fronts[1].push(*({**r, **name} for r in by_code[turn::2]), updateparam="customercode"),
        ]
    answers = await asyncio.gather(*pushes)
    assert {answer["statusdesc"] for answer in answers} == {"success"}
    assert {answer["counts"]["created"] for answer in answers} == {0}
    assert len(await fronts[0].rows("lead")) == 60
    assert await deadlocks() == 0
    for lead in await fronts[0].rows("lead"):
        assert lead["events"] == len([e for e in await fronts[0].rows("event") if e["lead_id"] == lead["id"]])


async def test_a_lead_that_lost_its_key_while_it_was_waited_for_is_not_taken_for_it(fronts):
    await fronts[0].push({"mobilenumber": NUMBER, "customercode": "old"})
    async with fronts[1].database.transaction() as connection:
        await connection.execute("update lead set customercode = 'new'")
        waiting = asyncio.create_task(fronts[0].action({"customercode": "old"}, updateparam="customercode"))
        await blocked(fronts[1].database)
    assert await waiting == "stored_not_dialable"
    assert [lead["customercode"] for lead in await fronts[0].rows("lead")] == ["new", "old"]


async def blocked(database):
    """Return once some transaction waits for another."""
    async with asyncio.timeout(10), database.connection() as connection:
        while not await connection.fetchval("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0)


async def test_a_server_that_is_gone_is_said_and_nothing_is_half_written(fronts, dsn):
    front = fronts[0]
    await front.push({"mobilenumber": NUMBER})
    admin = await asyncpg.connect(dsn)
    async with front.database.transaction() as connection:
        await connection.execute("select 1 from lead for update")
        waiting = asyncio.create_task(front.push({"mobilenumber": "9812345678"}, {"mobilenumber": NUMBER, "name": "x"}))
        await blocked(fronts[1].database)
        await admin.execute("select pg_terminate_backend(pid) from pg_locks where not granted")
        with pytest.raises(DatabaseUnavailable, match="nothing was half-written, try again"):
            await waiting
    assert [lead["name"] for lead in await front.rows("lead")] == [None]
    assert (await front.push({"mobilenumber": "9812345678"}))["counts"]["created"] == 1
    await admin.close()


async def test_no_server_at_all_is_said():
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable, match="cannot do it now"):
        await database.open()
