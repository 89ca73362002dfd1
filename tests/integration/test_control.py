"""Control on a real PostgreSQL and the fake engine: processes paused and stopped, leads cancelled, moved, closed."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from builders import FixedClock
from integration.dialing import Bench, bench, now, process
from leadline.calling.commands import CommandStage
from leadline.calling.control import Cancelling, Control
from leadline.clock import SystemClock
from leadline.domain.lead import LeadState
from leadline.store import commands, control
from leadline.store.bulk import Choice
from leadline.store.commands import CommandKind
from leadline.store.control import Order
from leadline.store.standings import standings
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine

DIALED = "08452892308"


@pytest.fixture
async def desk(database, dsn, engine) -> Bench:
    async with database.connection() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('A', '', 'UTC')")
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, 'VoiceProcess', '{}')"
        )
    return bench(database, dsn, engine, process())


@pytest.fixture
def word(database) -> Control:
    return Control(database, SystemClock())


@contextlib.asynccontextmanager
async def at_work(desk: Bench, name: str = "worker"):
    """A dialer with its ear for commands."""
    async with desk.dialing(name) as dialer:
        stage = CommandStage(desk.database, name, dialer.hang_up)
        told = asyncio.create_task(stage.run())
        try:
            yield dialer, stage
        finally:
            told.cancel()
            await asyncio.wait([told])


async def until_up(engine: FakeEngine, calls: int = 1) -> None:
    async with asyncio.timeout(20):
        while len(engine.calls) < calls:
            await asyncio.sleep(0.002)


def all_of(**further) -> Choice:
    return Choice(1, [1], **further)


async def test_a_paused_process_begins_no_call_even_where_that_is_not_known_yet(desk, word, engine):
    await word.order(desk.process, Order.PAUSE)
    lead = await desk.push()
    async with at_work(desk) as (dialer, _):
        for _ in range(20):
            dialer.wake()
            await asyncio.sleep(0.005)
        assert engine.calls == []
        await word.order(desk.process, Order.RESUME)
        dialer.wake()
        assert (await desk.rested(lead))["closed_reason"] == "completed"


async def test_a_paused_process_lets_calls_end_and_a_stopped_one_hangs_up(desk, word, engine):
    engine.pace = 1.0
    engine.callees[DIALED] = Callee.rings_for_ever()
    lead = await desk.push()
    async with at_work(desk) as (_, stage):
        await until_up(engine)
        assert await word.order(desk.process, Order.PAUSE) == 0
        assert not engine.calls[0].ended.is_set()
        assert await word.order(desk.process, Order.STOP) == 1
        stage.wake()
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["outcome"] == "no_answer"
    assert seen["state"] == "scheduled"
    async with desk.database.connection() as connection:
        assert await connection.fetchval("select count(*) from command") == 0
        stand = (await standings(connection, [1], now()))[1]
    assert (stand.paused, stand.stopped, stand.calls, stand.waiting) == (True, True, 0, {"scheduled": {1001: 1}})


async def test_a_stop_waits_for_a_claim_under_way_and_hangs_up_what_it_made(desk, word):
    async with desk.database.transaction() as connection:
        assert not await control.is_paused(connection, 1)
        stopping = asyncio.create_task(word.order(desk.process, Order.STOP))
        await asyncio.wait([stopping], timeout=0.2)
        assert not stopping.done()
        await connection.execute(
            """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                   dial_string, state, started_at)
               values (1, gen_random_uuid(), 1, 1, 1, 'worker', 'telco', '+1', '1', 'created', now())"""
        )
    assert await stopping == 1
    async with desk.database.connection() as connection:
        assert [told.kind for told in await commands.of_worker(connection, "worker")] == [CommandKind.HANGUP]
        assert await commands.of_worker(connection, "another") == []


async def test_a_waiting_lead_that_is_cancelled_closes_once(desk, word):
    lead = await desk.push(due_at=now() + timedelta(hours=1))
    assert await word.cancel(1, lead.id) is Cancelling.CANCELLED
    assert await word.cancel(1, lead.id) is Cancelling.UNCHANGED
    assert await word.cancel(1, lead.id + 1) is None
    assert await word.cancel(2, lead.id) is None
    seen = await desk.view(lead)
    assert (seen["state"], seen["closed_reason"], seen["due_at"]) == ("closed", "cancelled", None)
    assert await desk.kinds(lead) == ["lead.closed"]
    async with desk.database.connection() as connection:
        assert await connection.fetchval("select count(*) from due") == 0


@pytest.mark.parametrize("callee", [Callee.rings_for_ever(), Callee.answers(rings=30), Callee.searches_for_ever()])
async def test_a_lead_on_the_phone_is_hung_up_and_closes_as_cancelled(desk, word, engine, callee):
    engine.pace = 1.0
    engine.callees[DIALED] = callee
    lead = await desk.push()
    async with at_work(desk) as (_, stage):
        await until_up(engine)
        assert await word.cancel(1, lead.id) is Cancelling.HANGING_UP
        stage.wake()
        seen = await desk.rested(lead)
    assert (seen["state"], seen["closed_reason"]) == ("closed", "cancelled")
    assert (await desk.kinds(lead)).count("lead.closed") == 1
    assert len(engine.calls) == 1


async def test_a_word_to_cancel_outlives_the_worker_it_was_for(desk, word, engine):
    engine.pace = 1.0
    engine.callees[DIALED] = Callee.rings_for_ever()
    lead = await desk.push()
    async with desk.dialing("dies") as dialer:
        await until_up(engine)
        assert await word.cancel(1, lead.id) is Cancelling.HANGING_UP
        for task in dialer._live:
            task.cancel()
    async with desk.dialing("another"):
        seen = await desk.rested(lead)
    assert (seen["closed_reason"], seen["attempts"][0]["outcome"]) == ("cancelled", "unknown")


async def test_leads_are_called_at_another_time_once_and_a_dry_run_only_counts(desk, word):
    later = now().replace(microsecond=0) + timedelta(hours=5)
    pushed = [await desk.push(due_at=now() + timedelta(hours=1), calltype=kind) for kind in (5, 1001, 1001, 71)]
    expiring = await desk.push(due_at=now() + timedelta(hours=1), expires_at=now() + timedelta(hours=2))
    count = await word.count(all_of(), later)
    assert (count.matching, count.changing, count.on_the_phone, count.closed) == (5, 4, 0, 0)
    assert (await desk.view(pushed[0]))["due_at"] != later
    assert (await word.change(all_of(calltype=1001), later)).changed == 2
    assert (await word.change(all_of(), later)).changed == 2
    assert (await word.change(all_of(), later)).changed == 0
    assert {(await desk.view(lead))["due_at"] for lead in pushed} == {later}
    assert (await desk.view(expiring))["due_at"] != later
    assert await desk.kinds(pushed[0]) == ["lead.scheduled"]
    async with desk.database.connection() as connection:
        assert await connection.fetchval("select count(*) from due where kind = 'call' and due_at = $1", later) >= 3


async def test_leads_called_at_once_are_due_and_those_a_rule_holds_stay_held(desk, word):
    free = await desk.push(due_at=now() + timedelta(hours=1))
    held = await desk.push(due_at=now() + timedelta(hours=1), held_by="calling_hours")
    assert (await word.change(all_of(), now())).changed == 1
    assert (await word.change(all_of(), now())).changed == 0
    assert (await desk.view(free))["due_at"] <= now() < (await desk.view(held))["due_at"]


async def test_many_leads_are_closed_in_batches_each_with_its_event(desk, word, monkeypatch):
    monkeypatch.setattr("leadline.calling.control.BATCH", 3)
    old = [await desk.push(due_at=now() + timedelta(hours=1), created_at=now() - timedelta(days=3)) for _ in range(7)]
    new = await desk.push(due_at=now() + timedelta(hours=1), created_at=now())
    talking = await desk.push(state=LeadState.CONNECTED, due_at=None)
    chosen = all_of(created_before=now() - timedelta(days=1))
    done = await word.change(chosen, None)
    assert (done.count.changing, done.changed, done.left) == (7, 7, 0)
    assert {(await desk.view(lead))["closed_reason"] for lead in old} == {"cancelled"}
    assert {tuple(await desk.kinds(lead)) for lead in old} == {("lead.closed",)}
    assert ((await desk.view(new))["state"], (await desk.view(talking))["state"]) == ("scheduled", "connected")
    assert (await word.count(all_of(), None)).on_the_phone == 1
    assert (await word.change(all_of(ids=[new.id]), None)).changed == 1


async def test_leads_that_others_hold_for_long_are_told_as_left(desk):
    class Eager(FixedClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(0)

    lead = await desk.push(due_at=now() + timedelta(hours=1))
    word = Control(desk.database, Eager())
    async with desk.database.transaction() as connection:
        await connection.execute("select from lead where id = $1 for update", lead.id)
        assert (await word.change(all_of(), None)).left == 1
    assert (await word.change(all_of(), None)).left == 0
