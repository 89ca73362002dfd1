"""Channels and calls per second are limits of a trunk, however many dialers share it: counted at the callee."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from builders import a_catalogue, a_policy, a_process, a_trunk
from integration.dialing import ASK, BYE, Bench, bench, now, process, sip_bench
from leadline.calling.budget import WINDOW, TrunkBudget, take_stock
from leadline.clock import SystemClock
from leadline.domain.upsert import DueKind
from leadline.store import claims
from leadline.store.workers import Standing
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.fake import FakeEngine
from leadline.telephony.phone.phone import Phone

DIALED = "08452892308"


class StampingPhone(Phone):
    """A phone that notes when each call reaches it, from which port, and how many are up then."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.came: list[float] = []
        self.senders: set[int] = set()
        self.most = 0

    def _admit(self, invite, peer) -> None:
        before = len(self.calls)
        super()._admit(invite, peer)
        if len(self.calls) > before:
            self.came.append(asyncio.get_running_loop().time())
            self.senders.add(peer[1])
            self.most = max(self.most, sum(not call.ended.is_set() for call in self.calls))


def most_in_a_second(instants: list[float]) -> int:
    return max(sum(at <= other < at + 1 for other in instants) for at in instants)


async def test_two_workers_with_engines_of_their_own_never_exceed_a_trunk(database, dsn):
    """Real INVITEs by two SIP stacks from two pools, each with leads that only it calls: the callee counts."""
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(StampingPhone(default=Callee.answers(hangs_up_after=0.8)))
        trunk = a_trunk(uri=phone.uri("N").replace("N", "{number}"), channels=3, cps=3)
        asking = process(ASK, trunks=(trunk,))
        pushed = []
        for number in (1, 2):
            desk = await sip_bench(stack, dsn, replace(asking, id=number))
            pushed += [await desk.push(process_id=number, number=f"+9184528923{number}{n}") for n in range(8)]
            await stack.enter_async_context(desk.dialing(f"worker {number}"))
        for lead in pushed:
            await desk.rested(lead)
        async with database.connection() as connection:
            rows = await connection.fetch("select worker, count(*) as calls from attempt group by worker")
    assert {row["worker"]: row["calls"] for row in rows} == {"worker 1": 8, "worker 2": 8}
    assert most_in_a_second(phone.came) <= 3
    assert phone.most == 3
    assert len(phone.came) == 16
    assert set(phone.invites.values()) == {1}


async def test_an_engine_that_is_full_is_asked_for_nothing_more(database, dsn):
    """A call that the engine has no room for stays a due lead: it becomes no attempt, and no congestion."""
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(StampingPhone(default=Callee.answers(hangs_up_after=0.3)))
        trunk = a_trunk(uri=phone.uri("N").replace("N", "{number}"), channels=50, cps=50)
        engine = EmbeddedEngine(EmbeddedSettings(workers=2, calls_per_worker=2))
        await engine.start()
        stack.push_async_callback(engine.stop)
        desk = bench(database, dsn, engine, process(ASK, trunks=(trunk,)))
        pushed = [await desk.push(number=f"+91845289230{n}") for n in range(8)]
        await stack.enter_async_context(desk.dialing())
        seen = [await desk.rested(lead) for lead in pushed]
    assert [[attempt["outcome"] for attempt in view["attempts"]] for view in seen] == [["answered"]] * 8
    assert phone.most == 4
    assert len(phone.senders) == 2, "the calls were not shared by the engine's workers"


async def test_many_dialers_share_the_channels_of_a_trunk(database, dsn):
    engine = FakeEngine()
    await engine.start()
    engine.callees[DIALED] = Callee.answers(rings=20)
    desk = bench(database, dsn, engine, process(trunks=(a_trunk(engine="fake", channels=3, cps=1_000),)))
    pushed = [await desk.push() for _ in range(30)]
    most = 0
    async with AsyncExitStack() as stack:
        for name in ("one", "two", "three"):
            await stack.enter_async_context(desk.dialing(name))
        async with asyncio.timeout(60):
            while (done := sum(call.ended.is_set() for call in engine.calls)) < 30:
                most = max(most, len(engine.calls) - done)
                await asyncio.sleep(0.001)
        for lead in pushed:
            await desk.rested(lead)
    await engine.stop()
    assert most == 3


@pytest.fixture
async def standing(dsn):
    one = Standing(dsn, "me", SystemClock())
    task = asyncio.create_task(one.run())
    await asyncio.wait_for(one.held.wait(), 10)
    yield one
    task.cancel()
    await asyncio.wait([task])


async def _attempt(connection, worker, state="ringing", sent="now()", trunk="telco"):
    await connection.execute(
        f"""insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number, dial_string,
                state, started_at, sent_at)
            values (1, gen_random_uuid(), 1, 1, 1, $1, $2, '', '', $3, now(), {sent})""",  # noqa: S608
        worker,
        trunk,
        state,
    )


async def test_what_others_hold_is_counted_and_what_is_over_is_not(database, standing):
    budget = TrunkBudget(channels=5, cps=4, time=asyncio.get_running_loop().time)
    async with database.connection() as connection:
        await _attempt(connection, "other", "created", "null")
        await _attempt(connection, "other", "answered", "clock_timestamp() - interval '1 minute'")
        await _attempt(connection, "other", "ended", "clock_timestamp()")
        await _attempt(connection, "other", "ended", "clock_timestamp() - interval '2 s'")
        await _attempt(connection, "other", "ended", "null")
        await _attempt(connection, "other", trunk="another")
        await _attempt(connection, "me")
        async with connection.transaction():
            assert await take_stock(connection, "me", {"telco": budget}) == 2
    # Two are up elsewhere; of the last stretch are the one about to be sent and the one just over.
    assert budget.channels - 2 >= budget.free == budget.cps - 2


async def test_a_trunk_that_others_fill_is_asked_again_when_time_may_have_freed_a_slot(database, standing):
    loop = asyncio.get_running_loop()
    full, used_up = (TrunkBudget(channels, cps, loop.time) for channels, cps in ((1, 10), (10, 1)))
    async with database.connection() as connection:
        await _attempt(connection, "other", "answered", "clock_timestamp() - interval '1 minute'", trunk="full")
        await _attempt(connection, "other", "ended", "clock_timestamp()", trunk="used_up")
        async with connection.transaction():
            assert await take_stock(connection, "me", {"full": full, "used_up": used_up}) == 0
    assert full.hope == used_up.hope == 0
    assert 0 < full.wait < 0.5
    assert WINDOW - 0.5 < used_up.wait <= WINDOW


async def test_a_claim_waits_for_another_over_the_same_trunk_and_then_sees_what_it_took(database, standing):
    budget = TrunkBudget(channels=1, cps=10, time=asyncio.get_running_loop().time)
    async with database.connection() as one, database.connection() as other:
        begun = one.transaction()
        await begun.start()
        assert await take_stock(one, "me", {"telco": budget}) == 1

        async def ask() -> int:
            async with other.transaction():
                return await take_stock(other, "me", {"telco": budget})

        waiting = asyncio.create_task(ask())
        await _until_waiting(database)
        assert not waiting.done()
        await _attempt(one, "other")
        await begun.commit()
        assert await asyncio.wait_for(waiting, 10) == 0


async def _until_waiting(database):
    async with asyncio.timeout(10), database.connection() as connection:
        while not await connection.fetchval(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        ):
            await asyncio.sleep(0.005)


async def test_without_a_lease_nothing_may_be_taken(database):
    budget = TrunkBudget(channels=5, cps=5, time=asyncio.get_running_loop().time)
    async with database.connection() as connection, connection.transaction():
        assert await take_stock(connection, "me", {"telco": budget}) == 0
        await connection.execute("insert into worker values ('me', 'here', 1, clock_timestamp() - interval '1 s')")
        assert await take_stock(connection, "me", {"telco": budget}) == 0


async def test_a_full_trunk_with_very_many_leads_costs_the_others_nothing(database, dsn):
    """Rows of `due` that are read, not time: what a process has waiting is not looked at while it is not served."""
    async with database.transaction() as connection:
        await connection.execute(
            """insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
               select 1, n, $1, case when n <= 20 then 2 else 1 end, 3, now() - n * interval '1 s'
               from generate_series(1, 20000) as n""",
            DueKind.CALL.value,
        )
        await connection.execute("analyze due")
    async with database.transaction() as connection:
        before = await connection.fetchval(_READ)
        ready = await claims.ready(connection, DueKind.CALL, [2], now())
        await claims.take(connection, DueKind.CALL, 2, 3, now(), 5)
        await claims.next_due(connection, DueKind.CALL, [2], now())
        read = await connection.fetchval(_READ) - before
    assert ready == [(3, 2)]
    assert 5 <= read < 60


_READ = "select sum(idx_tup_fetch) + sum(seq_tup_read) from pg_stat_xact_user_tables where relname = 'due'"


@pytest.mark.parametrize("order", ["paused", "stopped"])
async def test_a_process_that_is_paused_or_stopped_is_passed_over(database, dsn, order):
    engine = FakeEngine()
    await engine.start()
    trunk = a_trunk(engine="fake", channels=100, cps=1_000)
    halted = a_process(policy=a_policy(servicekey="H", calling_hours=None), trunks=(trunk,), flow=BYE, **{order: True})
    going = a_process(id=2, policy=a_policy(servicekey="G", calling_hours=None), trunks=(trunk,), flow=BYE)
    desk = Bench(database, dsn, engine, a_catalogue(halted))
    desk.catalogue = a_catalogue(halted, going)
    waiting = await desk.push()
    called = await desk.push(process_id=2)
    async with desk.dialing():
        async with asyncio.timeout(20):
            while not engine.calls or not engine.calls[0].ended.is_set():
                await asyncio.sleep(0.005)
        await desk.rested(called)
        assert (await desk.view(waiting))["attempts"] == []
    await engine.stop()


async def test_leads_that_are_held_do_not_keep_those_behind_them_waiting(database, dsn):
    """More held leads than a claim takes stand before one that may be called."""
    engine = FakeEngine()
    await engine.start()
    narrow = a_trunk(name="narrow", engine="fake", channels=1, cps=1_000, numbers=("+91",))
    wide = a_trunk(name="wide", engine="fake", channels=100, cps=1_000, numbers=("+44",), prefix=None)
    calls = process(trunks=(narrow, wide), region="GB")
    desk = Bench(database, dsn, engine, a_catalogue(calls))
    engine.callees["+918452892308"] = engine.callees[DIALED] = Callee.rings_for_ever()
    engine.pace = 1.0
    ahead = [await desk.push() for _ in range(120)]
    behind = await desk.push(number="+442079460958", mobilenumber="+442079460958")
    async with desk.dialing():
        seen = await asyncio.wait_for(desk.rested(behind), 5)
        assert [attempt["trunk"] for attempt in seen["attempts"]] == ["wide"]
        views = [await desk.view(lead) for lead in ahead[:3]]
        assert Counter(view["state"] for view in views)["closed"] == 0
        for call in engine.calls:
            await call.hangup()
    await engine.stop()
