"""Limits, lists and the rules of the process as the dialer keeps them: on a real PostgreSQL and the fake engine."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from builders import NUMBER, a_catalogue, a_policy
from integration.dialing import Bench, bench, now, process
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.flow import Dnc, Flow, Hangup
from leadline.domain.lead import LeadState
from leadline.domain.policy import Limit, Limits, RetryPolicy, RetryRule, Schedule
from leadline.store import dialed, do_not_call
from leadline.telephony.callee import Callee

DIALED = "08452892308"
HOUR = timedelta(hours=1)
ASKS_NOT_TO_BE_CALLED = Flow(
    "never", "never", {"never": Dnc("bye", DoNotCallList.ORGANISATION), "bye": Hangup("never")}
)


@pytest.fixture
def at(database, dsn, engine):
    return lambda calls: bench(database, dsn, engine, calls)


async def organisation(database):
    async with database.connection() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('A', '', 'UTC')")
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, 'VoiceProcess', 'null')"
        )


async def held(desk, lead):
    """The lead as soon as a rule holds it."""
    async with asyncio.timeout(20):
        while (seen := await desk.view(lead))["held_by"] is None:
            await asyncio.sleep(0.005)
    return seen


@pytest.mark.parametrize(
    ("limits", "rule"),
    [(Limits(per_number=Limit(week=1)), "attempts_per_number"), (Limits(gap=HOUR), "gap")],
)
async def test_of_two_leads_with_one_number_in_one_claim_one_is_called_and_the_other_held(at, engine, limits, rule):
    desk: Bench = at(process(limits=limits))
    first, second = await desk.push(), await desk.push()
    async with desk.dialing():
        seen = await desk.rested(first)
        waits = await held(desk, second)
    assert seen["closed_reason"] == "completed"
    assert (waits["state"], waits["held_by"], waits["attempts"]) == ("scheduled", rule, [])
    assert waits["due_at"] > now()
    assert len(engine.calls) == 1
    assert "lead.held" in await desk.kinds(second)


async def test_two_dialers_at_once_keep_a_number_within_its_limit(at, engine):
    desk: Bench = at(process(limits=Limits(per_number=Limit(week=2))))
    leads = [await desk.push() for _ in range(12)]
    async with desk.dialing("one"), desk.dialing("two"):
        async with asyncio.timeout(30):
            while True:
                states = Counter([(await desk.view(lead))["held_by"] or "called" for lead in leads])
                if states == {"called": 2, "attempts_per_number": 10} and len(engine.calls) == 2:
                    break
                assert len(engine.calls) <= 2
                await asyncio.sleep(0.01)
    assert len(engine.calls) == 2


async def test_a_number_that_another_dialer_is_about_to_call_is_passed_over(database):
    async with database.transaction() as one, database.transaction() as other:
        assert await dialed.hold(one, 1, {NUMBER, "+919820012345"}) == {NUMBER, "+919820012345"}
        assert await dialed.hold(other, 1, {NUMBER, "+919820012346"}) == {"+919820012346"}
        assert await dialed.hold(other, 2, {NUMBER}) == {NUMBER}


async def test_attempts_of_other_processes_count_and_those_that_found_a_trunk_congested_do_not(at, engine, database):
    desk: Bench = at(process(limits=Limits(per_number=Limit(week=2))))
    async with database.connection() as connection:
        for n, (outcome, seconds, number) in enumerate(
            [("congestion", 1, NUMBER), ("congestion", 1, NUMBER), ("busy", 1, NUMBER), ("answered", 864_000, NUMBER),
             ("busy", 1, "+919820012345")], 1
        ):  # fmt: skip
            await connection.execute(
                """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                       dial_string, state, started_at, ended_at, outcome)
                   values (1, gen_random_uuid(), $1, 99, 1, 'gone', 'telco', $2, '', 'ended', $3, $3, $4)""",
                1_000 + n, number, now() - timedelta(seconds=seconds), outcome,
            )  # fmt: skip
        recent = await dialed.recent(connection, 1, [1_005], [NUMBER], now() - timedelta(minutes=1))
    leads = [await desk.push(), await desk.push()]
    assert len(recent.of(leads[0])) == 1
    async with desk.dialing():
        await desk.rested(leads[0])
        assert (await held(desk, leads[1]))["held_by"] == "attempts_per_number"
    assert len(engine.calls) == 1


async def test_a_retry_waits_for_the_gap(at, engine):
    retry = RetryPolicy(busy=RetryRule(timedelta(), 3))
    desk: Bench = at(process(limits=Limits(gap=HOUR), retry=retry))
    engine.callees[DIALED] = Callee.busy()
    lead = await desk.push()
    async with desk.dialing():
        seen = await held(desk, lead)
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["busy"]
    assert seen["held_by"] == "gap"
    assert timedelta(minutes=58) < seen["due_at"] - now() <= HOUR


@pytest.mark.parametrize(
    "before",
    [
        {"limits": Limits(per_lead=Limit(week=1))},
        {"schedule": Schedule("UTC", ends=now().date() - timedelta(days=2))},
    ],
)
async def test_another_rule_is_asked_of_held_leads_at_once(at, engine, database, before):
    await organisation(database)
    retry = RetryPolicy(busy=RetryRule(timedelta(), 1))
    desk: Bench = at(process(**before, retry=retry))
    engine.callees[DIALED] = Callee.busy()
    lead = await desk.push()
    async with desk.dialing() as dialer:
        await held(desk, lead)
        desk.catalogue = a_catalogue(process(retry=retry))
        dialer.wake()
        seen = await desk.rested(lead, attempts=2)
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["busy", "busy"]
    assert (seen["state"], seen["held_by"]) == ("closed", None)
    assert a_policy(**before) != a_policy()


async def test_who_asks_a_flow_not_to_be_called_is_not_called_again(at, engine, database):
    await organisation(database)
    desk: Bench = at(process(ASKS_NOT_TO_BE_CALLED))
    lead = await desk.push()
    async with desk.dialing() as dialer:
        seen = await desk.rested(lead)
        assert (seen["attempts"][0]["disposition"], seen["attempts"][0]["path"]) == ("never", ["never", "bye"])
        assert "attempt.do_not_call" in await desk.kinds(lead)
        again = await desk.push()
        dialer.wake()
        async with asyncio.timeout(20):
            while (seen := await desk.view(again))["state"] != LeadState.CLOSED:
                await asyncio.sleep(0.005)
    assert (seen["closed_reason"], seen["attempts"]) == ("do_not_call", [])
    async with database.connection() as connection:
        page = await do_not_call.page(connection, 1, {}, do_not_call.Query(9))
    assert [(item["number"], item["list"], item["origin"], item["expires_at"]) for item in page.items] == [
        (NUMBER, "organisation", "flow", None)
    ]
    assert len(engine.calls) == 1
