"""Dialing while something is wrong: the clock, a trunk, the database, the head of the queue."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from builders import a_catalogue, a_policy, a_trunk
from integration.dialing import BYE, bench, now, own_postgres, process
from leadline.calling.crash_points import Point
from leadline.clock import SystemClock
from leadline.telephony.callee import Callee

DIALED = "08452892308"
PATIENT = process(BYE, ring_timeout=timedelta(hours=1))
"""Its calls ring for hours of the fake engine: a busy machine is slow."""
MANY = """
    with made as (
        insert into lead (organisation_id, process_id, media, calltype, state, number, due_at, scheduled_by, events,
            created_at, updated_at)
        select 1, $1, 12, 5, 'scheduled', '+918452892308', now() - interval '1 day', now(), 0, now(), now()
        from generate_series(1, $2::int) returning id, due_at)
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select 1, id, 'call', $1, 0, due_at from made"""


class LeapingClock(SystemClock):
    """The machine's clock, set forward or back by hand."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset


async def test_a_clock_set_forward_makes_due_what_it_says_and_nothing_twice(database, dsn, engine):
    desk, clock = bench(database, dsn, engine, process()), LeapingClock()
    waiting = [await desk.push(due_at=now() + timedelta(hours=1)) for _ in range(5)]
    async with desk.dialing(clock=clock) as dialer:
        clock.offset = timedelta(hours=2)
        dialer.wake()
        for lead in waiting:
            assert (await desk.rested(lead))["closed_reason"] == "completed"
        clock.offset = timedelta(0)
        dialer.wake()
        last = await desk.push()
        assert (await desk.rested(last))["closed_reason"] == "completed"
    assert sorted(engine.invites.values()) == [1] * 6


async def test_a_clock_set_back_in_a_call_ends_it_once_and_holds_no_budget(database, dsn, engine):
    narrow = (a_trunk(engine="fake", channels=1, cps=1_000),)
    desk, clock = bench(database, dsn, engine, process(trunks=narrow)), LeapingClock()
    engine.pace = 1.0
    engine.callees[DIALED] = Callee.answers(rings=0.2)
    first, second = await desk.push(), await desk.push(due_at=now() + timedelta(seconds=0.05))
    async with desk.dialing(clock=clock) as dialer:
        while not engine.calls:
            await asyncio.sleep(0.002)
        clock.offset = timedelta(hours=-1)
        assert (await desk.rested(first))["closed_reason"] == "completed"
        assert (await desk.view(second))["attempts"] == []
        clock.offset = timedelta(0)
        dialer.wake()
        assert (await desk.rested(second))["closed_reason"] == "completed"
    assert (await desk.kinds(first)).count("lead.closed") == 1
    assert sorted(engine.invites.values()) == [1, 1]


async def test_a_trunk_that_answers_nothing_holds_up_no_other(database, dsn, engine):
    dead = a_trunk(name="dead", engine="fake", uri="sip:9{number}@127.0.0.1:5062", channels=1)
    first = process(trunks=(dead,))
    second = replace(process(), id=2, servicekey="Second", policy=a_policy(servicekey="Second", calling_hours=None))
    desk = bench(database, dsn, engine, first)
    desk.catalogue = a_catalogue(first, second)
    engine.pace = 1.0
    engine.callees["9" + DIALED] = Callee.dead()
    lost = [await desk.push(calltype=5) for _ in range(3)]
    async with desk.dialing() as dialer:
        while not engine.calls:
            await asyncio.sleep(0.002)
        free = await desk.push(process_id=2)
        dialer.wake()
        assert (await desk.rested(free))["closed_reason"] == "completed"
        assert not engine.calls[0].ended.is_set()
        await dialer.drain(0)
    assert [(await desk.view(lead))["state"] for lead in lost] == ["scheduled"] * 3


async def test_a_trunk_that_answers_and_drops_costs_each_lead_one_call_and_keeps_no_slot(database, dsn, engine):
    desk = bench(database, dsn, engine, process(trunks=(a_trunk(engine="fake", channels=1, cps=1_000),)))
    engine.callees[DIALED] = Callee.answers(hangs_up_after=0.0)
    pushed = [await desk.push() for _ in range(5)]
    async with desk.dialing() as dialer:
        for lead in pushed:
            seen = await desk.rested(lead)
            assert (seen["closed_reason"], len(seen["attempts"])) == ("completed", 1)
        assert dialer.calls == 0
    assert sorted(engine.invites.values()) == [1] * 5


@pytest.mark.parametrize("because", ["paused", "full"])
async def test_what_cannot_be_served_at_the_head_of_the_queue_holds_up_nobody(database, dsn, engine, because):
    trunk = a_trunk(name="narrow", engine="fake", uri="sip:9{number}@127.0.0.1:5062", channels=1)
    head = replace(process(trunks=(trunk,)), paused=because == "paused")
    behind = replace(process(), id=2, servicekey="Second", policy=a_policy(servicekey="Second", calling_hours=None))
    desk = bench(database, dsn, engine, head)
    desk.catalogue = a_catalogue(head, behind)
    engine.callees["9" + DIALED] = Callee.rings_for_ever()
    engine.pace = 1.0
    async with database.connection() as connection:
        await connection.execute(MANY, 1, 50_000)
        await connection.execute("analyze")
    async with desk.dialing() as dialer:
        if because == "full":
            while not engine.calls:
                await asyncio.sleep(0.002)
        lead = await desk.push(process_id=2)
        pushed = asyncio.get_running_loop().time()
        dialer.wake()
        assert (await desk.rested(lead))["closed_reason"] == "completed"
        assert asyncio.get_running_loop().time() - pushed < 5
        await dialer.drain(0)
    assert [call.attempt_id for call in engine.calls].count(str((await desk.view(lead))["attempts"][0]["id"])) == 1


async def test_an_idle_open_snapshot_stops_no_call(database, dsn, engine):
    desk = bench(database, dsn, engine, PATIENT)
    async with database.snapshot() as connection:
        await connection.fetchval("select count(*) from lead")
        pushed = [await desk.push() for _ in range(120)]
        async with desk.dialing():
            for lead in pushed:
                assert (await desk.rested(lead))["closed_reason"] == "completed"
    assert len(engine.calls) == 120


@pytest.mark.parametrize("point", [Point.CLAIM_TAKEN, Point.CLAIM_WRITTEN])
async def test_a_database_that_restarts_in_a_claim_has_the_lead_called_once(tmp_path: Path, engine, point):
    struck = asyncio.Event()

    def strike(reached: Point) -> None:
        if reached is point and not struck.is_set():
            struck.set()
            os.kill(server.pid, signal.SIGKILL)

    async with own_postgres(tmp_path) as (server, database):
        desk = bench(database, server.dsn, engine, PATIENT)
        lead = await desk.push()
        async with desk.dialing(reached=strike):
            await asyncio.wait_for(struck.wait(), 20)
            await asyncio.wait_for(server.down.wait(), 30)
            await asyncio.wait_for(server.up.wait(), 30)
            seen = await desk.rested(lead)
        assert seen["closed_reason"] == "completed"
        assert len(seen["attempts"]) == len(engine.calls) == 1
