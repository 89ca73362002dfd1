"""A trunk that fails is left alone, said to be down and tried again; leads go another way or wait, charged nothing."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from api import an_application, client_of

from builders import a_catalogue, a_trunk
from integration.dialing import Bench, bench, process
from leadline.calling import health
from leadline.calling.health import TrunkHealth
from leadline.clock import SystemClock
from leadline.domain import breaker
from leadline.domain.breaker import Circuit
from leadline.store import circuits, trunks
from leadline.store.workers import Standing
from leadline.telephony.callee import Callee

DIALED = "08452892308"


def a_way(name, prefix):
    return a_trunk(name=name, engine="fake", uri=f"sip:{prefix}{{number}}@127.0.0.1:5062", channels=5, cps=100)


async def test_a_trunk_whose_calls_fail_is_dialed_no_more_and_leads_go_another_way(database, dsn, engine):
    desk: Bench = bench(database, dsn, engine, process(trunks=(a_way("broken", "9"), a_way("sound", "8"))))
    engine.callees["9" + DIALED] = Callee.congested()
    pushed = [await desk.push() for _ in range(40)]
    async with desk.dialing():
        seen = [await desk.rested(lead) for lead in pushed]
        while not all(view["state"] == "closed" for view in seen):
            seen = [await desk.rested(lead, len(view["attempts"]) + (view["state"] != "closed"))
                    for lead, view in zip(pushed, seen, strict=True)]  # fmt: skip
        async with asyncio.timeout(10), client_of(an_application(database, desk.catalogue)) as client:
            while True:
                shown = {trunk["name"]: trunk for trunk in (await client.get("/v1/trunks")).json()["items"]}
                if shown["broken"]["state"] == "down":
                    break
                await asyncio.sleep(0.01)
    assert {view["closed_reason"] for view in seen} == {"completed"}
    tried = sum(attempt["trunk"] == "broken" for view in seen for attempt in view["attempts"])
    assert breaker.LEAST <= tried < breaker.LEAST + 5, "as many as were up when it went down, and no more"
    assert shown["broken"]["reason"] == "10 of the last 10 calls failed, the last as congestion"
    assert shown["broken"]["since"] is not None
    assert (shown["sound"]["state"], shown["sound"]["reason"], shown["sound"]["channels"]) == ("up", None, 5)


async def test_with_its_only_trunk_down_a_lead_waits_is_charged_nothing_and_goes_on(database, dsn, engine, monkeypatch):
    monkeypatch.setattr(breaker, "FIRST_PAUSE", 0.3)
    desk: Bench = bench(database, dsn, engine, process(trunks=(a_way("only", "9"),)))
    engine.callees["9" + DIALED] = Callee.refuses(500)
    failing = [await desk.push() for _ in range(breaker.LEAST)]
    async with desk.dialing() as dialer:
        for lead in failing:
            await desk.rested(lead)
        assert dialer.health.allows("only") in (0, 1)
        engine.callees["9" + DIALED] = Callee.busy()
        waiting = [await desk.push(id=10_000 + n) for n in range(3)]
        dialer.wake()
        seen = [await desk.rested(lead) for lead in waiting]
        assert dialer.health.allows("only") is None
    assert [[attempt["outcome"] for attempt in view["attempts"]] for view in seen] == [["busy"]] * 3


async def test_explain_says_why_a_trunk_takes_no_call(database, dsn, engine):
    desk: Bench = bench(database, dsn, engine, process(trunks=(replace(a_way("only", "9"), channels=1),)))
    engine.callees["9" + DIALED] = Callee.rings_for_ever()
    engine.pace = 1.0
    first = await desk.push()
    async with desk.dialing(), client_of(an_application(database, desk.catalogue, clock=SystemClock())) as client:
        while not engine.calls:
            await asyncio.sleep(0.001)
        second = await desk.push()
        told = (await client.get(f"/v1/leads/{second.id}/explain")).json()
        verdict = next(verdict for verdict in told["verdicts"] if verdict["rule"] == "trunk_open")
        assert (verdict["passed"], verdict["reason"]) == (False, "trunk only: all of its 1 channels are in use")
        shown = (await client.get("/v1/trunks")).json()["items"]
        assert (shown[0]["channels_in_use"], shown[0]["channels"]) == (1, 1)
        engine.callees["9" + DIALED] = Callee.busy()
        await engine.calls[0].hangup()
        await desk.rested(first)


async def test_why_nothing_rings_over_a_trunk_that_is_down_is_said_wherever_it_is_asked(database, dsn, engine):
    """And when it is tried: also while it is, since all calls but one still wait."""
    only = a_way("only", "9")
    desk: Bench = bench(database, dsn, engine, process(trunks=(only,)))
    async with database.connection() as connection:
        await circuits.down(connection, "gone", "only", Circuit(0.0, 30.0, "8 of the last 10 calls failed"))
    lead = await desk.push()
    application = an_application(database, desk.catalogue, clock=SystemClock())
    async with client_of(application) as client:
        for state in ("down", "trial"):
            (shown,) = (await client.get("/v1/trunks")).json()["items"]
            tried_at = datetime.fromisoformat(shown["tried_at"])
            assert (shown["state"], shown["reason"]) == (state, "8 of the last 10 calls failed")
            told = (await client.get(f"/v1/leads/{lead.id}/explain")).json()
            verdict = next(verdict for verdict in told["verdicts"] if verdict["rule"] == "trunk_open")
            since = f"{datetime.fromisoformat(shown['since']):%Y-%m-%d %H:%M:%S UTC}"
            tried = f"tried with one call from {tried_at:%Y-%m-%d %H:%M:%S UTC} on"
            why = f"trunk only: down since {since}, {tried}: 8 of the last 10 calls failed"
            assert (verdict["passed"], verdict["reason"]) == (False, why)
            lines = (await client.get("/metrics")).text.splitlines()
            assert 'leadline_trunk_up{trunk="only"} 0.0' in lines
            (tried,) = [line for line in lines if line.startswith('leadline_trunk_tried_at_seconds{trunk="only"}')]
            assert float(tried.split()[1]) == pytest.approx(tried_at.timestamp())
            async with database.connection() as connection:
                await connection.execute("update circuit set until = clock_timestamp()")
        async with database.connection() as connection:
            await connection.execute("update circuit set since = null, until = null")
        lines = (await client.get("/metrics")).text.splitlines()
        assert 'leadline_trunk_up{trunk="only"} 1.0' in lines


async def test_a_trunk_that_has_not_taken_our_registration_is_not_dialed(database, dsn, engine):
    trunk = replace(a_way("strict", "9"), register=True)
    desk: Bench = bench(database, dsn, engine, process(trunks=(trunk, a_way("open", "8"))))
    first = await desk.push()
    async with desk.dialing() as dialer:
        assert [attempt["trunk"] for attempt in (await desk.rested(first))["attempts"]] == ["open"]
        dialer.health.registered("strict", None)
        second = await desk.push()
        dialer.wake()
        assert [attempt["trunk"] for attempt in (await desk.rested(second))["attempts"]] == ["strict"]
        dialer.health.registered("strict", "it has not taken our registration: 403 Forbidden")
        third = await desk.push()
        dialer.wake()
        assert [attempt["trunk"] for attempt in (await desk.rested(third))["attempts"]] == ["open"]


# Probes


class Asked:
    """A trunk that answers as it is told to."""

    def __init__(self):
        self.answers, self.times = True, 0

    def __call__(self, trunk):
        async def ask():
            self.times += 1
            return self.answers

        return ask()


@asynccontextmanager
async def watching(database, dsn, asked, trunk, name="me"):
    """The health of one trunk as a worker with a lease keeps it."""
    standing = Standing(dsn, name, SystemClock())
    kept = TrunkHealth(
        database, SystemClock(), name, lambda: a_catalogue(process(trunks=(trunk,))), asked, lambda: None
    )
    tasks = [asyncio.create_task(standing.run())]
    await asyncio.wait_for(standing.held.wait(), 10)
    tasks.append(asyncio.create_task(kept.run()))
    try:
        yield kept
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def until(true):
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_trunk_that_answers_no_more_is_down_until_it_answers_again(database, dsn, monkeypatch):
    monkeypatch.setattr(health, "PROBE_EVERY", 0.06)
    monkeypatch.setattr(health, "PROBE_AGAIN", 0.06)
    asked = Asked()
    async with watching(database, dsn, asked, a_way("telco", "")) as kept:
        await until(lambda: asked.times >= 1)
        asked.answers = False
        await until(lambda: kept.allows("telco") == 0)
        async with asyncio.timeout(10), database.connection() as connection:
            while not (found := (await trunks.health(connection)).get("telco")):
                await asyncio.sleep(0.005)
        assert [(one.state, one.reason) for one in found] == [("down", "3 OPTIONS in a row were not answered")]
        asked.answers = True
        await until(lambda: kept.allows("telco") is None)


async def test_a_trunk_that_is_not_to_be_asked_is_not(database, dsn, monkeypatch):
    monkeypatch.setattr(health, "PROBE_EVERY", 0.06)
    asked, other = Asked(), Asked()
    unasked = replace(a_way("telco", ""), options=False)
    async with watching(database, dsn, asked, unasked), watching(database, dsn, other, a_way("telco", "")):
        await until(lambda: other.times >= 3)
    assert asked.times == 0
