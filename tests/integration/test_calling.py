"""Calling, on a real PostgreSQL and the fake engine: the claim, the flow, the outcome, and what becomes of the lead."""

import asyncio
from collections import Counter
from datetime import time, timedelta

import pytest

from builders import a_catalogue, a_policy, a_trunk
from integration.dialing import ASK, Bench, bench, now, process
from leadline.calling.dialer import Dialer
from leadline.clock import SystemClock
from leadline.domain.policy import CallingHours, RetryPolicy, RetryRule, Window
from leadline.store.workers import Standing
from leadline.telephony.callee import Callee, Moment, Press

DIALED = "08452892308"
UNHURRIED = 0.1
"""A pace at which a machine that is busy still presses a key before two seconds of speech are over."""


@pytest.fixture
def at(database, dsn, engine):
    return lambda calls: bench(database, dsn, engine, calls)


async def test_the_key_that_is_pressed_decides_and_is_kept(at, engine):
    desk: Bench = at(process(ASK))
    engine.pace = UNHURRIED
    engine.callees[DIALED] = Callee.answers(Press("1", 0.5, Moment.DURING_SPEECH))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    (attempt,) = seen["attempts"]
    assert (seen["state"], seen["closed_reason"]) == ("closed", "completed")
    assert (attempt["outcome"], attempt["digits"], attempt["disposition"]) == ("answered", "1", "confirmed")
    assert (attempt["path"], attempt["hung_up_by"], attempt["sip_status"]) == (["greet", "ask", "yes"], "us", 200)
    assert attempt["call_id"]
    assert attempt["started_at"] <= attempt["ringing_at"] <= attempt["answered_at"] <= attempt["ended_at"]
    kinds = await desk.kinds(lead)
    assert kinds == [
        "lead.dialing", "attempt.created", "attempt.originating", "attempt.ringing", "attempt.answered",
        "lead.connected", "attempt.in_flow", "attempt.node", "attempt.digit", "attempt.node", "attempt.node",
        "attempt.ended", "lead.closed",
    ]  # fmt: skip


async def test_silence_has_the_question_played_again_and_then_takes_none(at, engine):
    desk: Bench = at(process(ASK))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    (attempt,) = seen["attempts"]
    assert attempt["path"] == ["greet", "ask", "nobody"]
    assert attempt["disposition"] == "nobody"
    (call,) = engine.calls
    assert len(call.heard) == 2 * len(bytes(2 * 2 * 8_000))


async def test_a_promised_callback_makes_the_lead_due_again_as_a_general_callback(at, engine):
    desk: Bench = at(process(ASK))
    engine.pace = UNHURRIED
    engine.callees[DIALED] = Callee.answers(Press("2", 0.5, Moment.DURING_SPEECH))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert (seen["state"], seen["calltype"], seen["status"]) == ("scheduled", 41, 41)
    assert timedelta(minutes=119) < seen["due_at"] - now() < timedelta(minutes=121)


async def test_a_transfer_finds_no_agent_and_the_flow_goes_on(at, engine):
    desk: Bench = at(process(ASK))
    engine.pace = UNHURRIED
    engine.callees[DIALED] = Callee.answers(Press("3", 0.5, Moment.DURING_SPEECH))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["path"] == ["greet", "ask", "agent", "nobody"]
    assert "attempt.waiting_agent" in await desk.kinds(lead)


async def test_a_customer_who_hangs_up_in_the_flow_was_answered(at, engine):
    desk: Bench = at(process(ASK))
    engine.callees[DIALED] = Callee.answers(hangs_up_after=0.5)
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert (seen["closed_reason"], seen["attempts"][0]["hung_up_by"]) == ("completed", "customer")
    assert seen["attempts"][0]["disposition"] is None


@pytest.mark.parametrize(
    ("callee", "outcome", "closed"),
    [
        (Callee.busy(), "busy", None),
        (Callee.refuses(600), "busy", None),
        (Callee.unavailable(), "no_answer", None),
        (Callee.refuses(480, cause=17), "busy", None),
        (Callee.rings_for_ever(), "no_answer", None),
        (Callee.declined(), "rejected", "rejected"),
        (Callee.not_found(), "invalid_number", "invalid_number"),
        (Callee.refuses(500), "failed", None),
        (Callee.refuses(500, cause=38), "congestion", None),
        (Callee.congested(), "congestion", None),
        (Callee.dead(), "failed", None),
    ],
)
async def test_what_comes_back_decides_what_becomes_of_the_lead(at, engine, callee, outcome, closed):
    desk: Bench = at(process())
    engine.callees[DIALED] = callee
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["outcome"] == outcome
    assert (seen["closed_reason"], seen["state"]) == (closed, "closed" if closed else "scheduled")
    waits = {"busy": 600, "no_answer": 1_800, "failed": 300, "congestion": 30}
    if closed is None:
        waited = (seen["due_at"] - seen["attempts"][0]["ended_at"]).total_seconds()
        assert waited == pytest.approx(waits[outcome], abs=2)


async def test_retries_are_counted_and_run_out(at, engine):
    desk: Bench = at(process(retry=RetryPolicy(busy=RetryRule(timedelta(0), 2))))
    engine.callees[DIALED] = Callee.busy()
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead, attempts=3)
    assert (seen["state"], seen["closed_reason"]) == ("closed", "attempts_exhausted")
    assert len(engine.calls) == 3
    assert (await desk.kinds(lead)).count("lead.closed") == 1


async def test_a_call_that_was_up_as_the_retry_rules_changed_ends_by_the_new_ones(at, engine, database):
    desk: Bench = at(process(retry=RetryPolicy(busy=RetryRule(timedelta(hours=1), 3))))
    new = a_policy(retry=RetryPolicy(busy=RetryRule(timedelta(minutes=2), 3)))
    async with database.transaction() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('A', '', 'UTC')")
        await connection.execute("insert into process (organisation_id, servicekey, policy) values (1, 'P', $1)", new)
    engine.callees[DIALED] = Callee.busy()
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert (seen["due_at"] - seen["attempts"][0]["ended_at"]).total_seconds() == pytest.approx(120, abs=2)


async def test_a_congested_trunk_hands_over_to_the_next_at_once(at, engine):
    def trunk(name, prefix):
        return a_trunk(name=name, engine="fake", uri=f"sip:{prefix}{{number}}@127.0.0.1:5062")

    desk: Bench = at(process(trunks=(trunk("full", "9"), trunk("free", "8"))))
    engine.callees["9" + DIALED] = Callee.congested()
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead, attempts=2)
    assert [(a["trunk"], a["outcome"]) for a in seen["attempts"]] == [("full", "congestion"), ("free", "answered")]
    assert seen["closed_reason"] == "completed"


async def test_a_call_that_the_engine_lost_is_unknown_and_not_dialed_again(at, engine):
    desk: Bench = at(process(ASK))
    engine.pace = UNHURRIED
    lead = await desk.push()
    async with desk.dialing():
        while not engine.calls:
            await asyncio.sleep(0.001)
        await engine.calls[0].answered.wait()
        engine.lose()
        seen = await desk.rested(lead)
    assert (seen["closed_reason"], seen["attempts"][0]["outcome"]) == ("unknown", "unknown")
    assert len(engine.calls) == 1


async def test_what_a_dead_worker_had_on_the_phone_ends_as_unknown(at, engine):
    desk: Bench = at(process())
    engine.callees[DIALED] = Callee.rings_for_ever()
    engine.pace = 1.0
    lead = await desk.push()
    dying = asyncio.create_task(_dial_until_cancelled(desk))
    while not engine.calls:
        await asyncio.sleep(0.001)
    dying.cancel()
    await asyncio.wait([dying])
    async with desk.dialing("another"):
        seen = await desk.rested(lead)
    assert (seen["closed_reason"], seen["attempts"][0]["outcome"]) == ("unknown", "unknown")
    assert len(engine.calls) == 1


async def test_attempts_of_a_worker_that_lives_are_left_alone(at, engine):
    desk: Bench = at(process())
    engine.callees[DIALED] = Callee.answers(rings=0.5)
    engine.pace = 1.0
    lead = await desk.push()
    async with desk.dialing("one"):
        while not engine.calls:
            await asyncio.sleep(0.001)
        async with desk.dialing("other"):
            seen = await desk.rested(lead)
    assert seen["attempts"][0]["outcome"] == "answered"


async def test_two_dialers_on_one_database_call_each_lead_once(at, engine):
    desk: Bench = at(process())
    pushed = [await desk.push() for _ in range(80)]
    async with desk.dialing("one"), desk.dialing("other"):
        for lead in pushed:
            await desk.rested(lead)
    assert len(engine.calls) == 80
    assert set(engine.invites.values()) == {1}


async def test_hot_leads_go_first(at, engine):
    desk: Bench = at(process(trunks=(a_trunk(engine="fake", channels=1, cps=1_000),)))
    fresh = [await desk.push() for _ in range(3)]
    hot = await desk.push(calltype=5)
    async with desk.dialing():
        for lead in (*fresh, hot):
            await desk.rested(lead)
    began = {lead.id: (await desk.view(lead))["attempts"][0]["started_at"] for lead in (*fresh, hot)}
    assert min(began, key=began.__getitem__) == hot.id


async def test_a_trunk_never_has_more_calls_up_than_channels(at, engine):
    desk: Bench = at(process(trunks=(a_trunk(engine="fake", channels=3, cps=1_000),)))
    pushed = [await desk.push() for _ in range(20)]
    engine.callees[DIALED] = Callee.answers(rings=20)
    most = 0
    async with desk.dialing():
        async with asyncio.timeout(20):
            while (done := sum(call.ended.is_set() for call in engine.calls)) < 20:
                most = max(most, len(engine.calls) - done)
                await asyncio.sleep(0.001)
        for lead in pushed:
            await desk.rested(lead)
    assert most == 3


async def test_a_full_trunk_does_not_hold_up_a_process_with_another(at, engine):
    narrow = a_trunk(name="narrow", engine="fake", channels=1, cps=1_000)
    desk: Bench = at(process(trunks=(narrow, a_trunk(name="wide", engine="fake", channels=9, cps=1_000))))
    pushed = [await desk.push() for _ in range(10)]
    async with desk.dialing():
        used = Counter([(await desk.rested(lead))["attempts"][0]["trunk"] for lead in pushed])
    assert used["narrow"] >= 1
    assert used["wide"] >= 1


async def test_a_trunk_whose_password_is_not_known_here_carries_nothing(at, engine):
    secured = a_trunk(name="secured", engine="fake", secured=True)
    desk: Bench = at(process(trunks=(secured, a_trunk(name="open", engine="fake"))))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert [attempt["trunk"] for attempt in seen["attempts"]] == ["open"]


async def test_a_listed_number_is_never_dialed(at, engine, database):
    desk: Bench = at(process())
    lead = await desk.push()
    async with database.connection() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('A', '', 'UTC')")
        await connection.execute("insert into do_not_call values (1, $1, 'file', now())", lead.number)
    async with desk.dialing():
        seen = await desk.rested(lead, attempts=0)
        while seen["state"] != "closed":
            await asyncio.sleep(0.005)
            seen = await desk.view(lead)
    assert seen["closed_reason"] == "do_not_call"
    assert engine.calls == []


async def test_outside_calling_hours_a_lead_is_held_and_says_so_once(at, engine):
    local = now() + timedelta(hours=5, minutes=30)
    opens, closes = (local + timedelta(hours=2)).time(), (local + timedelta(hours=3)).time()
    window = Window(time(opens.hour, opens.minute), time(closes.hour, closes.minute))
    desk: Bench = at(process(calling_hours=CallingHours(((window,),) * 7)))
    lead = await desk.push()
    async with desk.dialing():
        for _ in range(3):
            while (await desk.view(lead))["held_by"] is None:
                await asyncio.sleep(0.005)
            await desk.make_due(lead)
        while (await desk.view(lead))["due_at"] <= now():
            await asyncio.sleep(0.005)
    assert engine.calls == []
    assert (await desk.kinds(lead)).count("lead.held") == 1


async def test_a_held_lead_is_called_as_soon_as_other_rules_are_read(at, engine, database):
    shut = CallingHours(((),) * 7)
    desk: Bench = at(process(calling_hours=shut))
    async with database.connection() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('A', '', 'UTC')")
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, $1, 'null')", desk.process.servicekey
        )
    lead = await desk.push()
    async with desk.dialing() as dialer:
        while (await desk.view(lead))["held_by"] is None:
            await asyncio.sleep(0.005)
        desk.catalogue = a_catalogue(process())
        dialer.wake()
        seen = await desk.rested(lead)
    assert seen["closed_reason"] == "completed"
    assert [kind for kind in await desk.kinds(lead) if kind.startswith("lead.")][:3] == [
        "lead.held", "lead.scheduled", "lead.dialing",
    ]  # fmt: skip


async def test_with_the_engine_down_nothing_is_claimed_and_all_goes_on_when_it_is_back(at, engine):
    desk: Bench = at(process())
    engine.lose(seconds=None)
    lead = await desk.push()
    async with desk.dialing():
        await asyncio.sleep(0.1)
        assert (await desk.view(lead))["attempts"] == []
        await engine.start()
        seen = await desk.rested(lead)
    assert seen["closed_reason"] == "completed"


async def _dial_until_cancelled(desk: Bench) -> None:
    """A worker that is killed: its tasks end where they are, and its lock with its connection."""
    standing = Standing(desk.dsn, "dead", SystemClock())
    known, engines = desk.catalogue, {"fake": desk.engine}
    dialer = Dialer(desk.database, SystemClock(), standing, "dead", engines, lambda: known, lambda _: None)
    tasks = [asyncio.create_task(standing.run()), asyncio.create_task(dialer.run())]
    try:
        await asyncio.Event().wait()
    finally:
        tasks += [task for task in asyncio.all_tasks() if task.get_name().startswith("call ")]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        async with desk.database.connection() as connection:
            while await connection.fetchval("select count(*) from pg_locks where locktype = 'advisory'"):
                await asyncio.sleep(0.005)
