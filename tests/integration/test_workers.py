"""A worker is gone only when nothing speaks for it any more: no session, no lease, or at once when its process is."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from integration.dialing import bench, own_postgres, process
from leadline.clock import SystemClock
from leadline.store import workers
from leadline.store.workers import Standing, gone, here
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine


@asynccontextmanager
async def holding(dsn, name="me"):
    standing = Standing(dsn, name, SystemClock())
    task = asyncio.create_task(standing.run())
    try:
        await asyncio.wait_for(standing.held.wait(), 10)
        yield standing
    finally:
        task.cancel()
        await asyncio.wait([task])


async def a_worker(connection, name, *, host, pid=1, lapsed=False):
    """A worker with a call up, of which only its row and its attempt are left."""
    await connection.execute(
        "insert into worker values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))",
        name, host, pid, -1.0 if lapsed else 60.0,
    )  # fmt: skip
    await an_attempt(connection, name)


async def an_attempt(connection, worker):
    await connection.execute(
        """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number, dial_string,
               state, started_at)
           values (1, gen_random_uuid(), 1, 1, 1, $1, 'telco', '', '', 'ringing', now())""",
        worker,
    )


def a_dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


async def found_gone(database, standing) -> set[str]:
    async with database.transaction() as connection:
        return set(await gone(connection, standing))


async def test_a_lease_is_given_up_at_the_end(database, dsn):
    async with holding(dsn), database.connection() as connection:
        row = await connection.fetchrow("select * from worker")
        assert (row["name"], row["host"], row["pid"]) == ("me", here(), os.getpid())
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from worker") == 0


async def test_on_this_machine_a_worker_whose_process_is_gone_is_gone_at_once(database, dsn):
    async with holding(dsn) as standing:
        async with database.connection() as connection:
            await a_worker(connection, "killed", host=here(), pid=a_dead_process())
            await a_worker(connection, "running", host=here(), pid=os.getpid())
            await a_worker(connection, "elsewhere", host="another machine", pid=a_dead_process())
            await an_attempt(connection, "that gave up")
        assert await found_gone(database, standing) == {"killed", "that gave up"}


async def test_a_lease_that_ran_out_is_judged_only_by_who_has_long_held_one(database, dsn, monkeypatch):
    """After an outage every lease is out: whoever comes back first waits for the others."""
    monkeypatch.setattr(workers, "LEASE", 0.5)
    monkeypatch.setattr(workers, "RENEW", 0.1)
    async with holding(dsn) as standing:
        async with database.connection() as connection:
            await a_worker(connection, "cut off", host="another machine", lapsed=True)
        if not standing.settled:
            assert await found_gone(database, standing) == set()
        async with asyncio.timeout(10):
            while not standing.settled:
                await asyncio.sleep(0.01)
        assert await found_gone(database, standing) == {"cut off"}


async def test_a_session_speaks_for_a_worker_whose_lease_ran_out(database, dsn, monkeypatch):
    """One that is slow, or whose process was stopped for a while, still has its calls."""
    monkeypatch.setattr(workers, "LEASE", 0.01)
    async with holding(dsn) as standing, database.connection() as connection:
        await a_worker(connection, "slow", host=here(), pid=a_dead_process(), lapsed=True)
        await connection.execute("select pg_advisory_lock(hashtextextended('slow', 0))")
        async with asyncio.timeout(10):
            while not standing.settled:
                await asyncio.sleep(0.01)
        assert await found_gone(database, standing) == set()
        await connection.execute("select pg_advisory_unlock_all()")
        assert await found_gone(database, standing) == {"slow"}


async def test_a_lease_that_cannot_be_renewed_ends_by_our_own_clock_too(database, dsn, monkeypatch):
    monkeypatch.setattr(workers, "LEASE", 0.5)
    monkeypatch.setattr(workers, "RENEW", 0.1)
    async with holding(dsn) as standing, database.connection() as connection:
        await connection.execute("begin; lock worker in exclusive mode")
        async with asyncio.timeout(10):
            while standing.held.is_set():
                await asyncio.sleep(0.01)
        await connection.execute("rollback")
        await asyncio.wait_for(standing.held.wait(), 20)


async def test_a_restart_of_postgresql_orphans_no_call(tmp_path, engine):
    """Both workers lose their sessions; the one that is back first must not take the other for dead."""
    engine.pace = 1.0
    engine.callees["08452892308"] = Callee.answers(rings=2.0)
    async with own_postgres(tmp_path) as (server, database):
        desk = bench(database, server.dsn, engine, process())
        lead = await desk.push()
        async with desk.dialing("one"):
            while not engine.calls:
                await asyncio.sleep(0.001)
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.wait_for(server.down.wait(), 30)
            await asyncio.wait_for(server.up.wait(), 30)
            # One that has just begun looks for the dead at once, and finds every session gone.
            async with holding(server.dsn, "other") as standing:
                assert await found_gone(database, standing) == set()
            seen = await desk.rested(lead)
        assert [attempt["outcome"] for attempt in seen["attempts"]] == ["answered"]


async def test_a_worker_killed_with_a_call_up_is_reconciled_by_the_next_without_waiting(database, dsn):
    engine = FakeEngine(pace=1.0)
    await engine.start()
    desk = bench(database, dsn, engine, process())
    lead = await desk.push()
    async with database.connection() as connection:
        await connection.execute("update lead set state = 'dialing', due_at = null; ")
        await connection.execute("delete from due")
        await a_worker(connection, "killed", host=here(), pid=a_dead_process())
        await connection.execute("update attempt set lead_id = $1", lead.id)
    async with asyncio.timeout(5), desk.dialing("next"):
        seen = await desk.rested(lead)
    assert (seen["closed_reason"], seen["attempts"][0]["outcome"]) == ("unknown", "unknown")
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from worker") == 0
    await engine.stop()


@pytest.mark.parametrize("outcome", ["answered", "unknown"])
async def test_when_an_invite_left_is_kept_by_the_clock_of_the_database(database, dsn, outcome):
    engine = FakeEngine(pace=1.0)
    await engine.start()
    engine.callees["08452892308"] = Callee.answers(rings=0.2)
    desk = bench(database, dsn, engine, process())
    lead = await desk.push()
    async with desk.dialing():
        while not engine.calls:
            await asyncio.sleep(0.001)
        if outcome == "unknown":
            engine.lose()
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["outcome"] == outcome
    async with database.connection() as connection:
        assert await connection.fetchval("select sent_at between started_at and clock_timestamp() from attempt")
    await engine.stop()
