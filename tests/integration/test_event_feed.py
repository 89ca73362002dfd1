"""`/v1/events`: every event of the organisation once, in an order that no later commit disturbs."""

import asyncio
import random

import asyncpg
from api import a_rest_push, an_application, client_of

from builders import NOON, NUMBER
from leadline.domain.events import Event, EventKind
from leadline.store import events, feed
from leadline.store.database import Database
from leadline.store.migrations import migrate


def an_event(lead: int, organisation: int = 1) -> Event:
    return Event(organisation, lead, 1, NOON, EventKind.LEAD_CREATED)


async def read(database: Database, cursor: int = 0, limit: int = 100, organisation: int = 1) -> list[int]:
    async with database.connection() as connection:
        return [event["id"] for event in await feed.after(connection, organisation, cursor, limit)]


async def write(connection, lead: int, seq: int = 1) -> None:
    await events.write(connection, [(seq, an_event(lead))])


async def test_an_event_is_held_back_while_an_older_transaction_may_still_write(database):
    async with database.connection() as slow, database.connection() as quick:
        transaction = slow.transaction()
        await transaction.start()
        await write(slow, 1)
        await write(quick, 2)
        assert await read(database) == []
        await write(slow, 3)
        await transaction.commit()
    assert await read(database) == [1, 3, 2]
    assert await read(database, 1) == [3, 2]
    assert await read(database, 3) == [2]
    assert await read(database, 2) == []


async def test_what_follows_upon_a_later_commit_stands_behind_it_though_its_transaction_is_older(database):
    async with database.connection() as early, database.connection() as late:
        transaction = early.transaction()
        await transaction.start()
        await early.fetchval("select pg_current_xact_id()")  # as a claim has its number before it sees the lead
        await write(late, 1)
        await write(early, 1, 2)
        await write(early, 1, 3)
        await write(early, 2)
        assert await read(database) == []
        await transaction.commit()
    assert await read(database) == [4, 1, 2, 3]


async def test_a_transaction_that_is_undone_holds_nothing_back_for_ever(database):
    async with database.connection() as slow, database.connection() as quick:
        transaction = slow.transaction()
        await transaction.start()
        await write(slow, 1)
        await write(quick, 2)
        await transaction.rollback()
    assert await read(database) == [2]


async def test_no_event_is_ever_passed_over_by_a_reader_beside_many_writers(database):
    chosen = random.Random(7)  # noqa: S311  (no secret)
    writers, each = 6, 25
    done = asyncio.Event()

    async def writes(writer: int) -> None:
        for n in range(each):
            async with database.transaction() as connection:
                await write(connection, writer, 3 * n + 1)
                for _ in range(chosen.randrange(6)):
                    await connection.execute("select 1")  # others commit meanwhile
                await write(connection, writer, 3 * n + 2)
                if chosen.random() < 0.5:
                    await connection.execute("select pg_sleep(0.002)")
                await write(connection, writer, 3 * n + 3)

    async def follows() -> list[dict]:
        seen, cursor, last_look = [], 0, False
        while True:
            async with database.connection() as connection:
                page = await feed.after(connection, 1, cursor, 7)
            seen += page
            if page:
                cursor = page[-1]["id"]
            elif last_look:
                return seen
            last_look = done.is_set() and not page

    reading = asyncio.create_task(follows())
    await asyncio.gather(*(writes(writer) for writer in range(writers)))
    done.set()
    seen = await reading
    ids = [event["id"] for event in seen]
    assert sorted(ids) == list(range(1, 3 * writers * each + 1))
    assert ids != sorted(ids), "no commit overtook another: the test has shown nothing"
    for writer in range(writers):
        assert [event["seq"] for event in seen if event["lead_id"] == writer] == list(range(1, 3 * each + 1))


async def test_a_cursor_that_no_event_has_stands_for_the_one_before_it(database):
    async with database.connection() as connection:
        await write(connection, 1)
        await events.write(connection, [(1, an_event(2, organisation=2))])
        await write(connection, 3)
    assert await read(database, 2) == [3]
    assert await read(database, 99) == []
    assert await read(database, organisation=2) == [2]


async def test_a_dump_in_a_cluster_with_lower_transaction_numbers_goes_on_in_order(database, dsn):
    """What pg_restore leaves: events whose positions this cluster's transactions will not reach for years."""
    async with database.connection() as connection:
        await connection.execute(
            "insert into organisation (name, apikey_sha256, timezone) values ('Acme', '\\x01', 'UTC')"
        )
        for lead in (1, 2, 3):
            await write(connection, lead)
        await connection.execute("update event set position = position + 10_000_000_000")
    assert await read(database) == []
    await migrate(dsn)
    assert await read(database, 1) == [2, 3]
    async with database.connection() as connection:
        await write(connection, 4)
    await migrate(dsn)
    assert await read(database) == [1, 2, 3, 4]
    assert await read(database, 3) == [4]


async def test_pages_over_http(database):
    async with client_of(an_application(database)) as client:
        await client.post("/v1/leads:push", json=a_rest_push({"mobilenumber": NUMBER}, {"mobilenumber": "12"}))
        seen, after = [], None
        while True:
            query = {"limit": 3} | ({} if after is None else {"after": after})
            page = (await client.get("/v1/events", params=query)).json()
            if page["next"] is None:
                break
            seen += page["items"]
            after = page["next"]
    assert page["items"] == []
    assert [event["kind"] for event in seen] == ["lead.created", "lead.scheduled", "lead.created", "lead.closed"]
    assert [event["seq"] for event in seen] == [1, 2, 1, 2]
    assert seen[-1].items() >= {"opening": 1, "reason": "not_dialable"}.items()


async def test_positions_cost_no_writer_a_lock(dsn):
    """Two transactions write events at once, neither waiting for the other."""
    one, two = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    for connection in (one, two):
        await connection.execute("begin; set lock_timeout = '1s'")
    statement = "insert into event (organisation_id, lead_id, opening, seq, at, kind) values (1, $1, 1, 1, now(), 'x')"
    await one.execute(statement, 1)
    await two.execute(statement, 2)
    positions = [await connection.fetchval("select max(position) from event") for connection in (one, two)]
    assert positions[0] < positions[1]
    for connection in (one, two):
        await connection.execute("rollback")
        await connection.close()
