"""The schema, as every step that led to it: plain SQL, run by Alembic under a lock.

`migrate` is safe to run from several machines at once, and again at any time.
"""

from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from leadline.domain.errors import ConfigurationError
from leadline.store.database import unavailable_named
from leadline.store.embedded.binaries import OLDEST_MAJOR

HERE = Path(__file__).parent
LOCK = 5_323_717
"""The advisory lock that one migration at a time holds."""


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    return ScriptDirectory.from_config(config)


async def migrate(dsn: str, to: str = "head") -> None:
    """Bring the schema up to the newest revision, or to that of `to`.

    Raises DatabaseUnavailable while the server is away, ConfigurationError if it refuses us or is too old.
    """
    await _greet(dsn)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, to)
    finally:
        await engine.dispose()


async def _greet(dsn: str) -> None:
    try:
        with unavailable_named():
            connection = await asyncpg.connect(dsn, timeout=10)
            version = connection.get_server_version()
            await connection.close()
    except (asyncpg.PostgresError, ValueError) as error:
        raise ConfigurationError(f"the database of LEADLINE_DATABASE_URL cannot be used: {error}") from error
    if version.major < OLDEST_MAJOR:
        raise ConfigurationError(
            f"the database of LEADLINE_DATABASE_URL is PostgreSQL {version.major}: give one of {OLDEST_MAJOR} or later"
        )


def _upgrade(connection: Connection, to: str) -> None:
    connection.execute(text("set local lock_timeout = '60s'"))
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    # A migration that cannot get its table within four seconds gives way to the calls in progress.
    connection.execute(text("set local lock_timeout = '4s'"))
    scripts = _scripts()
    context = EnvironmentContext(Config(), scripts)
    context.configure(connection=connection, fn=lambda revision, _: scripts._upgrade_revs(to, revision))  # noqa: SLF001
    context.run_migrations()
    connection.execute(text("select realign_feed()"))
