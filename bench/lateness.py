"""How late scheduled calls are, each due at a moment of its own: fifty a second on the fake engine, and as many as two
embedded workers carry over SIP.

The ceiling is the event loop alone: as many timers for the same moments, each of which begins a call on such an engine.
"""

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
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
from leadline.domain.lead import Lead
from leadline.domain.policy import TrunkPolicy
from leadline.store.database import Database
from leadline.store.writing import Rows, write
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Call, Engine, Invite
from leadline.telephony.fake import FakeEngine
from leadline.telephony.fake_call import FakeCall
from leadline.telephony.phone.phone import Phone

SECONDS = 10
BEGIN = timedelta(seconds=2)
"""From the writing of the leads to the first of them."""
FIRST = 9_820_100_000
SIP_WORKERS = 2
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Line:
    """An engine whose calls are heard."""

    engine: Engine
    trunk: TrunkPolicy
    uri: Callable[[str], str]
    a_second: int
    heard: Callable[[Sequence[str]], Awaitable[list[float]]]
    """When each of these numbers was called, once all were; in seconds since 1970."""

    @property
    def calls(self) -> int:
        return self.a_second * SECONDS


class Heard(FakeEngine):
    """Knows when each number was called."""

    def __init__(self) -> None:
        super().__init__(default=Callee.busy(), most=MOST)
        self._at: dict[str, float] = {}
        self._called = asyncio.Condition()

    async def originate(self, invite: Invite, *, beside: Call | None = None) -> FakeCall:
        call = await super().originate(invite, beside=beside)
        self._at.setdefault(call.number, time.time())
        async with self._called:
            self._called.notify_all()
        return call

    async def times(self, numbers: Sequence[str]) -> list[float]:
        async with self._called:
            await self._called.wait_for(lambda: self._at.keys() >= set(numbers))
        return [self._at[number] for number in numbers]


@contextlib.asynccontextmanager
async def fake() -> AsyncIterator[Line]:
    """Without SIP."""
    engine = Heard()
    await engine.start()
    trunk = a_trunk(engine=engine.name, channels=MOST, cps=MOST)
    yield Line(engine, trunk, "sip:{}@127.0.0.1".format, 50, engine.times)
    await engine.stop()


@contextlib.asynccontextmanager
async def embedded() -> AsyncIterator[Line]:
    """Over SIP, heard where the INVITE arrives."""
    engine = EmbeddedEngine(EmbeddedSettings(workers=SIP_WORKERS))
    async with Phone(default=Callee.busy()) as phone:
        await engine.start()
        trunk = a_trunk(engine=engine.name, uri=phone.uri("{number}"), channels=MOST, cps=MOST)

        async def rings(number: str) -> float:
            await phone.call_to(number, within=60)
            return time.time()

        async def times(numbers: Sequence[str]) -> list[float]:
            return await asyncio.gather(*map(rings, numbers))

        yield Line(engine, trunk, phone.uri, 20, times)
        await engine.stop()


async def measure() -> list[Figure]:
    """The median and the 99th percentile, of Leadline and of bare timers."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    figures = []
    for open_line in (fake, embedded):
        late = []
        for measured in (scheduled, timers):
            async with open_line() as line:
                late.append(await measured(line))
        for share, goal in ((0.5, ""), (0.99, "p99 <= 50 ms")):
            what = f"lateness of scheduled calls, {line.a_second}/s, {line.engine.name} engine, p{share * 100:.0f}"
            ours, bare = (percentile(each, share) * 1_000 for each in late)
            figures.append(Figure(what, ours, bare, "ms", goal, "a bare timer for each, same engine"))
    return figures


def moments(line: Line) -> list[datetime]:
    first = datetime.now(UTC) + BEGIN
    return [first + timedelta(seconds=number / line.a_second) for number in range(line.calls)]


async def lateness(line: Line, due: Sequence[datetime]) -> list[float]:
    times = await line.heard([f"0{FIRST + number}" for number in range(line.calls)])
    return [at - moment.timestamp() for at, moment in zip(times, due, strict=True)]


async def scheduled(line: Line) -> list[float]:
    """By the dialer, from rows that are due one after another."""
    async with postgres() as server:
        dsn = await fresh_database(server, "lateness")
        database = Database(dsn)
        await database.open()
        try:
            await seed(dsn)
            due = moments(line)
            async with database.transaction() as connection:
                await write(connection, Rows(new=[_lead(number, at) for number, at in enumerate(due)]))
            async with bench(database, dsn, line.engine, process(trunks=(line.trunk,))).dialing():
                return await lateness(line, due)
        finally:
            await database.close()


def _lead(number: int, due_at: datetime) -> Lead:
    called = f"+91{FIRST + number}"
    return a_lead(id=number + 1, mobilenumber=called, number=called, number_key=called, due_at=due_at)


async def seed(dsn: str) -> None:
    """The process that the leads are of."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('Bench', '', 'UTC')")
    await connection.execute("insert into process (organisation_id, servicekey, policy) values (1, 'Bench', '{}')")
    await connection.close()


async def timers(line: Line) -> list[float]:
    """By the event loop alone."""
    loop = asyncio.get_running_loop()
    due, calls = moments(line), []

    async def call(number: int) -> None:
        invite = Invite(str(number), line.uri(f"0{FIRST + number}"), ring_timeout=10)
        async for _ in (await line.engine.originate(invite)).events():
            """Until it is over."""

    now = datetime.now(UTC)
    for number, at in enumerate(due):
        loop.call_later(
            (at - now).total_seconds(), lambda number=number: calls.append(asyncio.ensure_future(call(number)))
        )
    late = await lateness(line, due)
    await asyncio.gather(*calls)
    return late
