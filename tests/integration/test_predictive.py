"""A predictive process: dials ahead of its agents by what it has measured, never past the cap, and says who called."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from integration.ahead import (
    KNOWN,
    NAMES,
    TODAY,
    come,
    dialed,
    measured,
    patient,
    predictive,
    push,
    ringing,
    room,
    until,
    waits,
)
from integration.dialing import Bench
from integration.staff import hire, whereabouts
from leadline.domain.agent import Presence
from leadline.domain.pacing import Day
from leadline.domain.policy import AgentRules, PacingRules
from leadline.store import attempts, events
from leadline.telephony.callee import Callee
from leadline.telephony.engine import Ended, Hangup
from leadline.telephony.fake import FakeEngine


@pytest.fixture
async def engine():
    engine = FakeEngine(pace=0.01, most=500, default=Callee.rings_for_ever())
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
def at(database, dsn, engine):
    return partial(predictive, database, dsn, engine)


async def test_two_dialers_together_ring_what_is_wanted_and_no_more(at, engine, database):
    await hire(database, *NAMES)
    desk = await at()
    wanted = await room(desk)
    assert wanted > 2 * len(NAMES), "it dials ahead"
    await push(desk, wanted + 20)
    async with desk.dialing("one"), desk.dialing("other"):

        async def all_ring() -> bool:
            return await room(desk) == 0

        await until(all_ring)
        async with database.connection() as connection:
            workers = await connection.fetch("select worker, count(*) from attempt group by worker")
        await engine.stop()
    assert len(engine.calls) == sum(row["count"] for row in workers) == wanted


@pytest.mark.parametrize(
    ("days", "cap", "more"),
    [
        ({}, 0.03, 0),
        ({TODAY: Day(1_000, 29)}, 0.03, 1),
        ({TODAY: Day(1_000, 30)}, 0.03, 0),
        ({TODAY: Day(1_000, 30)}, 0.05, None),
        ({TODAY - 29: Day(1_000, 0), TODAY: Day(10, 0)}, 0.03, 0),
        ({TODAY - 30: Day(1_000, 0)}, 0.03, 0),
    ],
    ids=["nothing is known", "one is left", "none is left", "a higher cap", "the oldest day goes", "it has gone"],
)
async def test_calls_beyond_one_for_each_ready_agent_are_no_more_than_the_cap_has_room_for(
    at, engine, database, days, cap, more
):
    await hire(database, *NAMES)
    desk = await at(known=replace(KNOWN, days=days), pacing=PacingRules(cap))
    most = await room(desk)
    assert most > len(NAMES) + 1 if more is None else most == len(NAMES) + more
    await push(desk, most + 5)
    async with desk.dialing():

        async def enough() -> bool:
            return len(engine.calls) >= most

        await until(enough)
        assert await room(desk) == 0
        await engine.stop()
    assert len(engine.calls) == most


async def test_a_customer_whom_nobody_is_free_for_hears_who_called_and_is_counted_and_called_again(
    at, engine, database
):
    await hire(database, *NAMES)
    desk = await at(patient(0.2))
    (lead,) = await push(desk, 1)
    seen = await _left_ringing(desk, engine, lead, Presence.PAUSED)
    (attempt,) = seen["attempts"]
    assert (attempt["outcome"], attempt["disposition"], attempt["hung_up_by"]) == ("answered", "abandoned", "us")
    assert attempt["path"] == ["agent", "message", "abandoned"]
    assert len(engine.calls[0].heard) >= 4 * 8_000, "two seconds of the message"
    kinds = await desk.kinds(lead)
    assert kinds.count("attempt.abandoned") == 1
    async with database.connection() as connection:
        assert await attempts.outcomes(connection, 1, lead.id, 1) == {"abandoned": 1}
        (ended,) = [one for one in await events.timeline(connection, 1, lead.id) if one["kind"] == "attempt.ended"]
    assert (ended["outcome"], ended["disposition"]) == ("answered", "abandoned")
    assert seen["state"] == "scheduled", "as if nobody had answered"
    assert timedelta(minutes=29) < seen["due_at"] - attempt["ended_at"] <= timedelta(minutes=30)
    after = await measured(desk)
    assert after.days[TODAY] == Day(1_001, 1)
    assert after.answers == KNOWN.answers + 1


async def _rings(desk: Bench) -> bool:
    return await ringing(desk) > 0


async def _left_ringing(desk, engine, lead, presence):
    """The lead after a call during whose ringing every agent has gone."""
    engine.callees[dialed(lead)] = Callee.answers(rings=10.0)
    async with desk.dialing():
        await until(lambda: _rings(desk))
        async with desk.database.transaction() as connection:
            await connection.execute("update agent set presence = $1", presence.value)
        return await desk.rested(lead)


async def test_where_everybody_has_left_the_customer_does_not_wait(at, engine, database):
    await hire(database, "a")
    desk = await at(patient(600))
    (lead,) = await push(desk, 1)
    seen = await _left_ringing(desk, engine, lead, Presence.LOGGED_OUT)
    assert seen["attempts"][0]["disposition"] == "abandoned"


async def test_a_customer_who_hangs_up_before_the_time_is_over_is_not_abandoned(at, engine, database):
    await hire(database, "a")
    desk = await at(patient(600))
    (lead,) = await push(desk, 1)
    engine.callees[dialed(lead)] = Callee.answers(rings=10.0)
    async with desk.dialing():
        await until(lambda: _rings(desk))
        await come(desk, "a", Presence.PAUSED)
        await waits(desk, lead)
        engine.calls[0].finish(Ended(200, hung_up_by=Hangup.CUSTOMER))
        seen = await desk.rested(lead)
    assert (seen["closed_reason"], seen["attempts"][0]["disposition"]) == ("completed", None)
    assert (await measured(desk)).days[TODAY] == Day(1_001, 0)


async def test_an_agent_who_speaks_too_late_is_counted_as_none_though_the_customer_is_served(at, engine, database):
    await hire(database, "a")
    engine.pace = 0.3
    desk = await at(patient(0.7))
    (lead,) = await push(desk, 1)
    engine.callees[dialed(lead)] = Callee.answers(rings=2.0, hangs_up_after=10.0)
    engine.callees["a"] = Callee.answers(rings=4.0)
    async with desk.dialing():
        seen = await desk.rested(lead)
    kinds = await desk.kinds(lead)
    assert kinds.index("attempt.agent_called") < kinds.index("attempt.abandoned") < kinds.index("attempt.bridged")
    assert seen["closed_reason"] == "completed"
    assert "message" not in seen["attempts"][0]["path"]
    assert (await measured(desk)).days[TODAY] == Day(1_001, 1)
    assert (await whereabouts(database, "a")).presence is Presence.READY


async def test_who_has_waited_longest_is_given_the_agent_who_is_free_first(at, engine, database):
    await hire(database, "a", "b", "c")
    desk = await at(patient(600))
    leads = await push(desk, 3)
    for n, lead in enumerate(leads):
        engine.callees[dialed(lead)] = Callee.answers(rings=10.0 + 20 * n)
    engine.callees |= {name: Callee.answers() for name in NAMES}
    async with desk.dialing():

        async def three() -> bool:
            return await ringing(desk) == 3

        await until(three)
        for name in "abc":
            await come(desk, name, Presence.PAUSED)
        for lead in leads:
            await waits(desk, lead)
        for number, name in enumerate("bca"):
            await come(desk, name)

            async def talks(name: str = name) -> bool:
                return (await whereabouts(database, name)).presence is Presence.ON_CALL

            await until(talks)
            (attempt,) = (await desk.view(leads[number]))["attempts"]
            assert (await whereabouts(database, name)).attempt == attempt["id"]
            for later in leads[number + 1 :]:
                assert "attempt.agent_called" not in await desk.kinds(later)
        for call in engine.calls[:3]:
            call.finish(Ended(200, hung_up_by=Hangup.CUSTOMER))
        for lead in leads:
            assert (await desk.rested(lead))["closed_reason"] == "completed"


async def test_what_was_measured_outlives_the_dialer_and_includes_the_wrap_up(at, engine, database):
    await hire(database, "a")
    desk = await at(known=None, agents=AgentRules(wrap_up=timedelta(hours=1)))
    answers, silent, congested, lost = await push(desk, 4)
    engine.callees |= {
        dialed(answers): Callee.answers(rings=10.0, hangs_up_after=100.0),
        dialed(silent): Callee.refuses(480, rings=20.0),
        dialed(congested): Callee.congested(),
        dialed(lost): Callee.refuses(500),
        "a": Callee.answers(),
    }
    async with desk.dialing("first") as dialer:
        await desk.rested(answers)
        await come(desk, "a")
        dialer.wake()
        for lead in (silent, congested, lost):
            await desk.rested(lead)
    past = await measured(desk)
    assert (past.calls, past.answers, past.silences, past.handled) == (2, 1, 1, 1), "trunks' troubles say nothing"
    assert past.rate == 0.5
    assert 0.1 <= past.ring < 5.0
    assert 0.2 <= past.silence < 5.0
    assert 3_600 < past.handling < 3_610
    await come(desk, "a")
    (more,) = await push(desk, 1)
    engine.callees[dialed(more)] = Callee.answers(rings=10.0, hangs_up_after=100.0)
    async with desk.dialing("second"):
        await desk.rested(more)
    again = await measured(desk)
    assert (again.calls, again.answers, again.handled) == (3, 2, 2), "a dialer that starts anew goes on from there"
    assert again.days[TODAY] == Day(2, 0)


async def test_a_callback_has_its_own_agent_before_the_call(at, engine, database):
    await hire(database, "a", "b", presence="paused")
    await come(desk := await at(), "a")
    lead = await desk.push(calltype=21, userlogin="b@acme.example", number="+918452800009", number_key="9")
    engine.callees |= {dialed(lead): Callee.answers(rings=1.0, hangs_up_after=60.0), "b": Callee.answers()}
    async with desk.dialing() as dialer:

        async def held() -> bool:
            return "lead.held" in await desk.kinds(lead)

        await until(held)
        assert not engine.calls
        await come(desk, "b")
        dialer.wake()
        seen = await desk.rested(lead)
    assert seen["closed_reason"] == "completed"
    assert [call.number for call in engine.calls] == [dialed(lead), "b"]
    assert seen["attempts"][0]["path"][0] == "agent"


async def test_a_process_that_shares_agents_with_another_does_not_call_for_those_who_are_called_for(
    at, engine, database
):
    await hire(database, *NAMES)
    desk = await at(known=None)
    assert await room(desk) == len(NAMES)
    async with database.transaction() as connection:
        await connection.execute(
            """insert into process (organisation_id, id, servicekey, policy) overriding system value
               values (1, 2, 'Other', '{"mode": "predictive", "users": ["a@acme.example", "z@acme.example"]}'),
                      (1, 3, 'Stranger', '{"mode": "predictive", "users": ["z@acme.example"]}')"""
        )
        await connection.execute(
            """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                                    dial_string, state, started_at)
               select 1, gen_random_uuid(), n, 2 + n % 2, 1, 'w', 't', '', '', 'ringing', now()
               from generate_series(1, 6) as n"""
        )
    assert await room(desk) == len(NAMES) - 3
