"""A second leg over a trunk counts for its limits as a first one does, over all workers: counted at the callee."""

from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import a_trunk
from integration.ahead import until
from integration.dialing import Bench, bench, process, sip_bench
from integration.test_trunk_limits import StampingPhone, most_in_a_second
from leadline.calling.reconciliation import reconcile
from leadline.clock import SystemClock
from leadline.domain.flow import Flow, Hangup, Transfer
from leadline.store import legs, trunks
from leadline.store.legs import Leg
from leadline.store.workers import Standing
from leadline.telephony.callee import Callee
from leadline.telephony.fake import FakeEngine


@pytest.fixture
def pace():
    return 0.01


NUMBER = "+912261234567"
ON = Flow(
    "on",
    "on",
    {
        "on": Transfer(None, {"no_agent": "alone", "ended": "talked"}, timeout=timedelta(seconds=20), number=NUMBER),
        "alone": Hangup("alone"),
        "talked": Hangup("talked"),
    },
)


async def test_two_workers_that_join_customers_with_a_number_never_exceed_a_trunk(database, dsn):
    """Each customer is on the line for a while, and so is who they are joined with: two slots of three."""
    async with AsyncExitStack() as stack:
        callees = {"02261234567": Callee.answers(hangs_up_after=0.5)} | {
            f"084528923{worker}{n}": Callee.answers(hangs_up_after=1.0 + 0.4 * n) for worker in (1, 2) for n in range(4)
        }
        phone = await stack.enter_async_context(StampingPhone(callees=callees))
        trunk = a_trunk(uri=phone.uri("N").replace("N", "{number}"), channels=3, cps=3)
        pushed = []
        for number in (1, 2):
            desk = await sip_bench(stack, dsn, replace(process(ON, trunks=(trunk,)), id=number))
            pushed += [await desk.push(process_id=number, number=f"+9184528923{number}{n}") for n in range(4)]
            await stack.enter_async_context(desk.dialing(f"worker {number}"))
        seen = [await desk.rested(lead) for lead in pushed]
    joined = [call for call in phone.calls if call.number == "02261234567"]
    assert joined, "nobody was joined: the test has shown nothing"
    assert len(phone.calls) == len(joined) + sum(len(view["attempts"]) for view in seen)
    assert phone.most == 3
    assert most_in_a_second(phone.came) <= 3


async def test_a_leg_is_seen_by_all_for_as_long_as_it_is_up_and_its_invite_counts(database, dsn, engine):
    engine.callees["02261234567"] = Callee.answers(hangs_up_after=60.0)
    desk: Bench = bench(database, dsn, engine, process(ON))
    lead = await desk.push()
    async with desk.dialing():
        await until(lambda: _is_used(database, (2, 2)), 10)
        await engine.calls[1].hangup()
        await desk.rested(lead)
        await until(lambda: _is_free(database), 10)
        assert (await _used(database))[1] == 2, "its INVITE counts, though it is over"


async def _used(database):
    async with database.connection() as connection:
        return (await trunks.in_use(connection)).get("telco", (0, 0))


async def _is_used(database, up_and_sent):
    return await _used(database) == up_and_sent


async def _is_free(database):
    return (await _used(database))[0] == 0


async def test_the_legs_of_a_worker_that_is_gone_take_no_slot(database, dsn):
    standing = Standing(dsn, "me", SystemClock())
    async with database.transaction() as connection:
        await legs.begin(connection, Leg(1, "11111111-1111-1111-1111-111111111111", "telco", "gone"))
    assert (await _used(database))[0] == 1
    await reconcile(database, bench(database, dsn, FakeEngine(), process()).catalogue, standing, SystemClock())
    assert await _used(database) == (0, 0)


async def test_a_leg_is_written_whatever_keeps_postgresql_from_it_for_a_while(database, dsn, engine):
    """Of each write the first tries fail: cancelled, deadlocked, a disk that is full, a standby, a lock of others."""
    async with database.connection() as connection:
        await connection.execute("create sequence tries")
        await connection.execute(
            """create function refuse() returns trigger language plpgsql as $$
               declare said text := (array['57014', '40P01', '53100', '40001', '25006', '55P03'])[nextval('tries')];
               begin
                   if said is not null then
                       raise exception 'not now' using errcode = said;
                   end if;
                   return new;
               end $$"""
        )
        await connection.execute("create trigger refuse before update on leg for each row execute function refuse()")
    engine.callees["02261234567"] = Callee.answers(hangs_up_after=1.0)
    desk: Bench = bench(database, dsn, engine, process(ON))
    lead = await desk.push()
    async with desk.dialing():
        await desk.rested(lead)
        await until(lambda: _is_free(database), 20)
    async with database.connection() as connection:
        assert await connection.fetchval("select last_value from tries") == 8
