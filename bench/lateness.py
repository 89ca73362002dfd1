"""How late scheduled calls are: fifty a second, each due at a moment of its own, on the fake engine.

The ceiling is the event loop alone: as many timers for the same moments, each of which begins a call on such an engine.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import structlog
from figure import Figure, percentile
from serving import fresh_database, postgres

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "integration"))
from dialing import bench, process

from builders import a_lead, a_trunk
from leadline.store import leads
from leadline.store.database import Database
from leadline.telephony.callee import Callee
from leadline.telephony.engine import Call, Invite
from leadline.telephony.fake import FakeEngine
from leadline.telephony.fake_call import FakeCall

CALLS = 500
A_SECOND = 50
BEGIN = timedelta(seconds=2)
"""From the writing of the leads to the first of them."""
FIRST = 9_820_100_000
MOST = CALLS
TRUNK = a_trunk(engine="fake", channels=MOST, cps=1_000)


class Heard(FakeEngine):
    """Knows when each number was called."""

    def __init__(self) -> None:
        super().__init__(default=Callee.busy(), most=MOST)
        self.at: dict[str, float] = {}
        self.all = asyncio.Event()

    async def originate(self, invite: Invite, *, beside: Call | None = None) -> FakeCall:
        call = await super().originate(invite, beside=beside)
        self.at.setdefault(call.number, time.time())
        if len(self.at) == CALLS:
            self.all.set()
        return call


async def measure() -> list[Figure]:
    """The median and the 99th percentile, of Leadline and of bare timers."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    ours, bare = await scheduled(), await timers()
    goals = {0.5: "", 0.99: "p99 <= 50 ms"}
    return [
        Figure(
            f"lateness of scheduled calls, {A_SECOND}/s, p{share * 100:.0f}",
            percentile(ours, share) * 1_000,
            percentile(bare, share) * 1_000,
            "ms",
            goal,
            "a bare timer for each, same engine",
        )
        for share, goal in goals.items()
    ]


def moments() -> list[datetime]:
    first = datetime.now(UTC) + BEGIN
    return [first + timedelta(seconds=number / A_SECOND) for number in range(CALLS)]


def lateness(engine: Heard, due: Sequence[datetime]) -> list[float]:
    return [engine.at[f"0{FIRST + number}"] - moment.timestamp() for number, moment in enumerate(due)]


async def scheduled() -> list[float]:
    """By the dialer, from rows that are due one after another."""
    engine = Heard()
    async with postgres() as server:
        dsn = await fresh_database(server, "lateness")
        database = Database(dsn)
        await database.open()
        await engine.start()
        try:
            await seed(dsn)
            due = moments()
            async with database.transaction() as connection:
                await leads.insert(connection, [_lead(number, at) for number, at in enumerate(due)])
            async with bench(database, dsn, engine, process(trunks=(TRUNK,))).dialing():
                await engine.all.wait()
        finally:
            await engine.stop()
            await database.close()
    return lateness(engine, due)


def _lead(number: int, due_at: datetime):
    called = f"+91{FIRST + number}"
    return a_lead(id=number + 1, mobilenumber=called, number=called, number_key=called, due_at=due_at)


async def seed(dsn: str) -> None:
    """The process that the leads are of."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('Bench', '', 'UTC')")
    await connection.execute("insert into process (organisation_id, servicekey, policy) values (1, 'Bench', '{}')")
    await connection.close()


async def timers() -> list[float]:
    """By the event loop alone."""
    engine, loop = Heard(), asyncio.get_running_loop()
    await engine.start()
    due, calls = moments(), []

    def call(number: int) -> None:
        invite = Invite(str(number), f"sip:0{FIRST + number}@127.0.0.1", ring_timeout=10)
        calls.append(asyncio.ensure_future(engine.originate(invite)))

    now = datetime.now(UTC)
    for number, at in enumerate(due):
        loop.call_later((at - now).total_seconds(), call, number)
    await engine.all.wait()
    await engine.stop()
    return lateness(engine, due)
