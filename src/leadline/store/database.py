"""PostgreSQL: one pool, transactions, and notifications that survive its restarts.

Everything that means "the database cannot do it now" becomes DatabaseUnavailable; what a statement itself
did wrong stays asyncpg's own error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg
import msgspec
import structlog

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable

log = structlog.get_logger()

Connection = asyncpg.Connection

UNAVAILABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it starts, or is shut down; somebody, or a timeout of theirs, cancelled us
    asyncpg.DiskFullError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ConfigurationLimitExceededError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is about to take over
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection whose end it is just learning of
    OSError,
    TimeoutError,
)

ENDED_FOR_OTHERS = (asyncpg.TransactionRollbackError, asyncpg.OutOfMemoryError)
"""A transaction that PostgreSQL has ended so that another may go on (a deadlock), or because others hold all locks
that it has room for: done again, it succeeds."""

CHANNELS = ("due", "configuration", "command", "trunk")
"""`due`: due rows of the kind that it says were written, perhaps earlier than what is waited for; without a kind, an
agent is ready, or room was made. `configuration`: `apply` ran; `command`: a word to a worker; `trunk`: one is down, or
up again."""


@contextmanager
def unavailable_named() -> Iterator[None]:
    """Turn what says that PostgreSQL is away into DatabaseUnavailable."""
    try:
        yield
    except UNAVAILABLE as error:
        raise DatabaseUnavailable(
            f"PostgreSQL cannot do it now ({type(error).__name__}: {error}); nothing was half-written, try again"
        ) from error


SESSION = {
    "application_name": "leadline",
    "idle_in_transaction_session_timeout": "60000",
    "enable_seqscan": "off",  # a plan made while a table was all but empty is kept while it grows
    "jit": "off",
}


async def _keep(_: Any) -> None:
    """Give a connection back as it is: nothing of ours outlives its transaction, and asking would be a round trip."""


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value), decoder=lambda data: msgspec.json.decode(data[1:]),
    )  # fmt: skip
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=msgspec.json.encode, decoder=msgspec.json.decode
    )


class Database:
    """A pool of connections to one PostgreSQL (15 or later)."""

    def __init__(self, dsn: str, *, connections: int = 10) -> None:
        self._dsn = dsn
        self._connections = connections
        self._pool: Any = None

    async def open(self) -> None:
        """Connect; raises DatabaseUnavailable."""
        with unavailable_named():
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=self._connections,
                init=_prepare,
                command_timeout=60,
                timeout=10,
                reset=_keep,
                server_settings=SESSION,
            )

    async def close(self) -> None:
        if self._pool is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), 5)
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection in which every statement is its own transaction."""
        with unavailable_named():
            # A deadline costs more than what it is for, where a connection waits for us already.
            async with self._pool.acquire(timeout=None if self._pool.get_idle_size() else 10) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection in one transaction: all of it is written, or none."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def succession(self) -> AsyncIterator["Succession"]:
        """A connection for transactions that follow each other closely."""
        async with self.connection() as connection:
            succession = Succession(connection)
            try:
                yield succession
            finally:
                await succession.end()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Any]:
        """A connection on which every statement reads the same moment."""
        async with self.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection

    async def answers(self) -> bool:
        """Whether a statement can be run now."""
        try:
            async with self.connection() as connection:
                await connection.execute("select 1")
        except DatabaseUnavailable:
            return False
        return True

    async def listen(self, heard: Callable[[str, str], None], clock: Clock) -> None:
        """Call `heard(channel, payload)` for every notification, for ever.

        Whenever the connection is made anew, `heard` is called once for each channel: something may have been
        said while nobody listened. A connection outside the pool, since a pooler would lose what it hears.
        """
        while True:
            try:
                with unavailable_named():
                    await self._listen_once(heard)
            except DatabaseUnavailable as error:
                log.warning("notifications interrupted", reason=str(error))
            await clock.sleep(0.5)

    async def _listen_once(self, heard: Callable[[str, str], None]) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10, server_settings={"application_name": "leadline"})
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            for channel in CHANNELS:
                await connection.add_listener(channel, lambda _c, _pid, channel, payload: heard(channel, payload))
                heard(channel, "")
            await gone.wait()
        finally:
            connection.terminate()


class Succession:
    """Transactions one after another on one connection: where the next is known to follow, the commit begins it.

    A word to PostgreSQL costs a busy process as much as deciding a push.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._begun = False

    @asynccontextmanager
    async def one(self, follows: Callable[[], bool]) -> AsyncIterator[Any]:
        """The connection in one transaction, as `Database.transaction` gives it; `follows` is asked at its end."""
        with unavailable_named():
            if not self._begun:
                await self._connection.execute("begin")
            self._begun = True
            try:
                yield self._connection
            except BaseException:
                await self.end()
                raise
            self._begun, chained = False, follows()
            await self._connection.execute("commit and chain" if chained else "commit")
            self._begun = chained

    async def end(self) -> None:
        """Take back what was begun and is not committed."""
        if self._begun and not self._connection.is_closed():
            await self._connection.execute("rollback")
        self._begun = False
