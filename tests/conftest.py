"""What tests share: one real PostgreSQL for the whole run, and a database of its own for each test that asks."""

import tempfile
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from leadline.store.database import Database
from leadline.store.embedded.server import EmbeddedPostgres
from leadline.store.migrations import migrate

# A busy machine is slow, not wrong.
settings.register_profile("leadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("leadline")

_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    crash = parser.getgroup("crash", "what tests/crash kills, and when")
    crash.addoption("--crash-seed", type=int, default=7, help="Decides every stroke.")
    crash.addoption("--crash-rounds", type=int, default=1, help="How often every step is somebody's end.")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """The server; its database `leadline` has the whole schema and stays empty, to be copied."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedPostgres(Path(directory), fast=True)
        await server.start()
        await migrate(server.dsn)
        yield server
        await server.stop()


@pytest.fixture
async def dsn(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database of this test's own, with the whole schema and no rows."""
    name = f"test_{next(_numbers)}"
    admin = postgres.dsn.replace("/leadline?", "/postgres?")
    await _execute(admin, f"create database {name} template leadline strategy file_copy")
    yield postgres.dsn.replace("/leadline?", f"/{name}?")
    await _execute(admin, f"drop database {name} with (force)")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A pool on the test's own database."""
    pool = Database(dsn)
    await pool.open()
    yield pool
    await pool.close()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
