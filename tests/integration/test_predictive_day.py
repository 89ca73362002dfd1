"""Some hundreds of calls on the fake engine, with agents who answer their phones and customers drawn by a seed.

Every second is a fiftieth of one. The cap is held at every moment, and agents talk more than a progressive process
lets them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

from integration.ahead import NAMES, TODAY, dialed, measured, patient, predictive, push, until
from integration.dialing import Bench
from integration.staff import hire
from leadline.clock import SystemClock
from leadline.domain.pacing import CAP, Day, Measures
from leadline.domain.policy import Mode, RetryPolicy
from leadline.store.database import Database
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine

LEADS, ANSWERING, SEED = 280, 0.25, 11
PACE = 0.02
PAST = Measures(calls=200, rate=0.25, answers=50, ring=8.0 * PACE, silences=150, silence=18.0 * PACE, handled=50,
                handling=40.0 * PACE, days={TODAY: Day(300, 0)})  # fmt: skip
"""What a month of quiet calling has measured: the cap has room for nine."""


@dataclass(frozen=True)
class Run:
    answered: int
    abandoned: int
    use: float
    """The share of their time that agents talked, while there was somebody to call."""
    passed: int
    """How often more were abandoned than the cap allows."""


def customer(random: Random) -> Callee:
    if random.random() < ANSWERING:
        return Callee.answers(rings=random.uniform(3, 13), hangs_up_after=random.uniform(15, 65))
    return Callee.refuses(480, rings=random.uniform(8, 28))


@contextlib.asynccontextmanager
async def woken(desk: Bench) -> AsyncIterator[None]:
    """A dialer that hears what the database says, as `leadline up` has it."""
    async with desk.dialing() as dialer:
        listening = asyncio.create_task(desk.database.listen(lambda *_: dialer.wake(), SystemClock()))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def run(database: Database, dsn: str, mode: Mode) -> Run:
    """A process calls all its leads once."""
    engine = FakeEngine(pace=PACE, most=500)
    await engine.start()
    await hire(database, *NAMES)
    never = RetryPolicy(busy=None, no_answer=None, failed=None)
    desk = await predictive(database, dsn, engine, patient(0.15), PAST, mode=mode, retry=never)
    random = Random(SEED)  # noqa: S311  (it is to be the same each time)
    leads = await push(desk, LEADS)
    engine.callees |= {dialed(lead): customer(random) for lead in leads}
    passed = 0

    async def nobody_is_left() -> bool:
        nonlocal passed
        counted = (await measured(desk)).days[TODAY]
        passed += counted.abandoned > CAP * counted.answered
        async with database.connection() as connection:
            return bool(await connection.fetchval("select not exists (select from lead where state <> 'closed')"))

    async with woken(desk):
        await until(nobody_is_left, 90)
    await engine.stop()
    counted = (await measured(desk)).days[TODAY]
    async with database.connection() as connection:
        use = await connection.fetchval(
            """with called as (select min(started_at) as began, max(started_at) as ended from attempt)
               select sum(extract(epoch from least(attempt.ended_at, called.ended) - event.at))
                      / extract(epoch from max(called.ended - called.began))
               from event join attempt on attempt.id = (event.data ->> 'attempt')::uuid, called
               where kind = 'attempt.bridged' and event.at < called.ended"""
        )
    answered = sum(call.answered.is_set() for call in engine.calls if call.number not in NAMES)
    return Run(answered, counted.abandoned, float(use) / len(NAMES), passed)


async def test_the_cap_holds_and_agents_talk_more_than_one_call_for_each_of_them_lets_them(database, dsn):
    ahead = await run(database, dsn, Mode.PREDICTIVE)
    async with database.transaction() as connection:
        await connection.execute(
            "truncate lead, due, attempt, event, agent, login, process, pacing, pacing_day cascade"
        )
    one_each = await run(database, dsn, Mode.PROGRESSIVE)
    assert ahead.answered == one_each.answered > 50, "the same customers"
    assert ahead.passed == 0
    assert one_each.abandoned == 0
    assert ahead.use > 1.2 * one_each.use
