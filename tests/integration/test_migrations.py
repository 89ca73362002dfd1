"""The schema: migrations applied are the schema, safe at once and again; a server that will not do is named."""

import asyncio

import asyncpg
import pytest

from leadline.domain.errors import ConfigurationError, DatabaseUnavailable
from leadline.store import push_log
from leadline.store.database import Database
from leadline.store.leads import COLUMNS
from leadline.store.migrations import migrate


@pytest.fixture
async def empty(postgres):
    """A database without a schema."""
    admin = await asyncpg.connect(postgres.dsn.replace("/leadline?", "/postgres?"))
    await admin.execute("create database bare")
    yield postgres.dsn.replace("/leadline?", "/bare?")
    await admin.execute("drop database bare with (force)")
    await admin.close()


async def columns(dsn):
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        """select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
           where table_schema = 'public' order by table_name, ordinal_position"""
    )
    await connection.close()
    return [tuple(row) for row in rows]


async def test_several_machines_may_migrate_at_once_and_again(empty, dsn):
    await asyncio.gather(*(migrate(empty) for _ in range(4)))
    first = await columns(empty)
    await migrate(empty)
    assert await columns(empty) == first == await columns(dsn)
    assert {name for table, name, *_ in first if table == "lead"} == set(COLUMNS)


async def test_pushes_from_before_their_requests_were_kept_stay_in_the_log(empty):
    await migrate(empty, "0003")
    database = Database(empty, connections=1)
    await database.open()
    async with database.transaction() as connection:
        await connection.execute(
            "insert into push (organisation_id, process_id, at, transport, counts) values (1, 1, now(), 'json', '{}')"
        )
    await migrate(empty)
    async with database.connection() as connection:
        logged = await push_log.page(connection, 1, {1: "P"}, push_log.Query())
    await database.close()
    assert [(push["servicekey"], push["request"]) for push in logged.items] == [("P", None)]


async def test_a_server_that_is_away_may_come_back():
    with pytest.raises(DatabaseUnavailable):
        await migrate("postgresql://leadline@127.0.0.1:1/leadline")


async def test_a_database_that_does_not_exist_is_named(postgres):
    with pytest.raises(ConfigurationError, match=r"LEADLINE_DATABASE_URL.*nowhere"):
        await migrate(postgres.dsn.replace("/leadline?", "/nowhere?"))
