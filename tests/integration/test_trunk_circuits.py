"""A trunk that one worker has found down is down for all, and for who starts later; one of them tries it."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
from test_trunk_health import Asked, watching

from builders import a_trunk
from integration.dialing import BYE, Bench, bench, process
from leadline.calling import health
from leadline.clock import SystemClock
from leadline.configuration import consequences
from leadline.domain import breaker
from leadline.domain.attempt import Outcome
from leadline.domain.breaker import LEAST, SILENCES, UNHEARD, Circuit
from leadline.store import circuits, trunks, workers
from leadline.store.configuration import TrunkRow
from leadline.store.following import follow
from leadline.store.trunks import Found
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine

DIALED = "08452892308"
ONLY = a_trunk(name="only", engine="fake", channels=50, cps=100)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def following(stack: AsyncExitStack, desk: Bench, *dialers) -> None:
    """Hear of trunks what a worker hears: each look of theirs is by a notification, or would be in half a minute."""

    async def reread() -> None:
        """Nothing of the configuration changes."""

    woken = {"trunk": [dialer.health.wake for dialer in dialers]}
    task = asyncio.create_task(follow(desk.database, SystemClock(), woken, reread))
    stack.push_async_callback(asyncio.wait, [task])
    stack.callback(task.cancel)


async def test_a_trunk_that_is_down_is_tried_by_one_call_of_one_worker(database, dsn, engine, monkeypatch):
    """Three dialers, one of them begun when the trunk was down already: each would have lost ten calls."""
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 1.0)
    monkeypatch.setattr(breaker, "LONGEST_PAUSE", 1.0)
    desk: Bench = bench(database, dsn, engine, process(BYE, trunks=(ONLY,)))
    engine.callees[DIALED] = Callee.congested()
    failing = [await desk.push() for _ in range(LEAST)]
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(desk.dialing("one"))
        second = await stack.enter_async_context(desk.dialing("two"))
        await following(stack, desk, first, second)
        await until(lambda: first.health.allows("only") == 0 and second.health.allows("only") == 0)
        tried = len(engine.calls)
        waiting = [await desk.push(id=10_000 + n) for n in range(5)]
        third = await stack.enter_async_context(desk.dialing("three"))
        await until(lambda: third.health.wait("only") is not None or len(engine.calls) > tried)
        await asyncio.sleep(2.4)  # two pauses, and a little
        trials = len(engine.calls) - tried
        assert 1 <= trials <= 3
        engine.callees[DIALED] = Callee.busy()
        for lead in waiting:
            await desk.rested(lead)
        for dialer in (first, second):
            await until(lambda dialer=dialer: dialer.health.allows("only") is None)
    assert tried <= LEAST + 2 * len(failing)


async def test_a_trunk_that_was_down_when_we_started_is_called_by_nobody(database, dsn, engine):
    async with database.connection() as connection:
        await circuits.down(connection, "gone", "only", Circuit(0.0, 30.0, "10 of the last 10 calls failed"))
    desk: Bench = bench(database, dsn, engine, process(BYE, trunks=(ONLY, a_trunk(name="other", engine="fake"))))
    async with desk.dialing() as dialer:
        await until(lambda: dialer.health.allows("only") == 0)
        lead = await desk.push()
        dialer.wake()
        seen = await desk.rested(lead)
    assert [attempt["trunk"] for attempt in seen["attempts"]] == ["other"]


async def test_a_dead_trunk_costs_few_calls(database, dsn):
    """Nothing at all comes back, to a trunk that was never known to answer OPTIONS."""
    engine = FakeEngine(response_timeout=0.1)
    await engine.start()
    engine.callees[DIALED] = Callee.dead()
    desk: Bench = bench(database, dsn, engine, process(BYE, trunks=(a_trunk(name="only", engine="fake", channels=1),)))
    for _ in range(10):
        await desk.push()
    async with desk.dialing() as dialer:
        await until(lambda: dialer.health.allows("only") == 0)
        assert len(engine.calls) == UNHEARD
    await engine.stop()


async def test_the_turn_to_try_is_one_workers_until_it_is_over_or_the_worker_is(database):
    async with database.connection() as connection:
        for name in ("one", "two"):
            await connection.execute(
                "insert into worker values ($1, 'here', 1, clock_timestamp() + interval '1 min')", name
            )
        await circuits.down(connection, "one", "only", Circuit(0.0, 30.0, "it failed"))
        assert not await circuits.take_trial(connection, "one", "only", 15), "its time has not come"
        await connection.execute("update circuit set until = clock_timestamp()")
        assert not await circuits.take_trial(connection, "nobody", "only", 15), "who holds no lease has no turn"
        assert await circuits.take_trial(connection, "one", "only", 15)
        assert await circuits.take_trial(connection, "one", "only", 15)
        assert not await circuits.take_trial(connection, "two", "only", 15)
        await circuits.up(connection, "two", "only")
        await circuits.down(connection, "two", "only", Circuit(0.0, 60.0, "two says so"))
        known = (await circuits.read(connection))["only"]
        assert (known.circuit.reason, known.trial) == ("it failed", "one"), "two has no say"
        await connection.execute("delete from worker where name = 'one'")
        assert await circuits.take_trial(connection, "two", "only", 15)
        await circuits.up(connection, "two", "only")
        assert (await circuits.read(connection))["only"].circuit is None


async def test_silence_that_one_worker_finds_is_looked_into_by_the_others_at_once(database, dsn, monkeypatch):
    monkeypatch.setattr(health, "PROBE_AGAIN", 0.06)
    deaf, hearing = Asked(), Asked()
    deaf.answers = False
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(watching(database, dsn, hearing, ONLY, "other"))
        async with asyncio.timeout(10), database.connection() as connection:
            while not await circuits.read(connection):
                await asyncio.sleep(0.005)
        one = await stack.enter_async_context(watching(database, dsn, deaf, ONLY))
        async with asyncio.timeout(10), database.connection() as connection:
            while not await trunks.health(connection):
                await asyncio.sleep(0.005)
        asked = hearing.times
        other.wake()  # as a notification would
        await until(lambda: hearing.times > asked)
        async with asyncio.timeout(10), database.connection() as connection:
            while await trunks.health(connection):
                await asyncio.sleep(0.005)
        one.wake()
        await until(lambda: one.allows("only") is None)
        times = deaf.times
        await until(lambda: deaf.times > times + 2 * SILENCES)
        assert (one.allows("only"), other.allows("only")) == (None, None), "whom nobody answers has lost its say"


async def test_a_trunk_that_is_configured_anew_is_judged_anew(database, dsn):
    async with watching(database, dsn, lambda _: None, ONLY) as kept:
        for _ in range(LEAST):
            kept.ended("only", uuid4(), Outcome.FAILED)
        async with asyncio.timeout(10), database.connection() as connection:
            while not await trunks.health(connection):
                await asyncio.sleep(0.005)
            async with connection.transaction():
                row = TrunkRow("only", 1, ONLY)
                await consequences.draw(connection, [(row, row)], SystemClock().now())
        kept.wake()
        await until(lambda: kept.allows("only") is None)


@pytest.mark.parametrize("ours", [True, False])
async def test_a_turn_is_not_for_a_worker_whose_row_is_being_deleted(database, ours):
    """Whoever reconciles a worker that is only slow has its row; it takes its turn, or goes on with it, and waits."""
    async with database.connection() as slow, database.connection() as other:
        await slow.execute("insert into worker values ('slow', 'here', 1, clock_timestamp() + interval '1 min')")
        await slow.execute(
            """insert into circuit (trunk, since, until, trial, trial_until)
               values ('only', now(), now(), $1::text, now() + interval '1 min')""",
            "slow" if ours else None,
        )
        deleting = other.transaction()
        await deleting.start()
        await workers.forget(other, ["slow"])
        writing = asyncio.create_task(circuits.take_trial(slow, "slow", "only", 15))
        await _until_waiting(other)
        await deleting.commit()
        assert not await asyncio.wait_for(writing, 10)
        assert (await circuits.read(slow))["only"].trial is None


async def test_how_a_trunk_is_found_is_not_kept_of_a_worker_whose_row_is_being_deleted(database):
    async with database.connection() as slow, database.connection() as other:
        await slow.execute("insert into worker values ('slow', 'here', 1, clock_timestamp() + interval '1 min')")
        deleting = other.transaction()
        await deleting.start()
        await workers.forget(other, ["slow"])
        found = Found("only", "down", "it is not there", SystemClock().now())
        writing = asyncio.create_task(trunks.write_health(slow, "slow", [found]))
        await _until_waiting(other)
        await deleting.commit()
        assert not await asyncio.wait_for(writing, 10)


async def _until_waiting(connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval("select count(*) from pg_locks where not granted"):
            await asyncio.sleep(0.005)
