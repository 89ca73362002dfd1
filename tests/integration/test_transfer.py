"""Transfers that reach a person: the agent is taken, called beside the customer, joined, and let go again."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from integration.dialing import Bench, bench, process
from integration.staff import hire, whereabouts
from leadline.calling.closing import Ending, close_attempt
from leadline.domain import flow as flows
from leadline.domain.agent import Presence
from leadline.domain.attempt import Outcome
from leadline.domain.flow import Flow, Transfer
from leadline.domain.policy import AgentRules, RetryPolicy
from leadline.telephony.callee import Callee
from leadline.telephony.engine import SAMPLE_RATE, Ended, Hangup

DIALED = "08452892308"
LOGINS = ("asha@acme.example", "bela@acme.example")
SPOKEN = b"\x10\x27" * SAMPLE_RATE * 60
"""A minute of something that can be told from silence."""


def to(queue: str | None = "VoiceProcess", **transfer: object) -> Flow:
    on = {"no_agent": "nobody", "ended": "talked"}
    return Flow(
        "to agent",
        "agent",
        {
            "agent": Transfer(queue, on, **{"timeout": timedelta(milliseconds=300), **transfer}),
            "nobody": flows.Hangup("nobody"),
            "talked": flows.Hangup("talked"),
        },
    )


@pytest.fixture
def pace():
    return 0.01


@pytest.fixture
def at(database, dsn, engine):
    return lambda flow, **policy: bench(database, dsn, engine, process(flow, users=LOGINS, **policy))


async def test_a_queue_reaches_the_agent_who_has_been_idle_longest(at, engine, database):
    await hire(database, "asha", "bela")
    engine.callees[DIALED] = Callee.answers(says=SPOKEN)
    engine.callees["asha"] = Callee.answers(says=SPOKEN, hangs_up_after=20.0)
    desk: Bench = at(to())
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    (attempt,) = seen["attempts"]
    assert (attempt["disposition"], attempt["path"], attempt["hung_up_by"]) == ("talked", ["agent", "talked"], "us")
    customer, agent = engine.calls
    assert (agent.number, agent.invite.uri) == ("asha", "sip:asha@127.0.0.1:5090")
    assert min(len(customer.heard), len(agent.heard)) > 2 * SAMPLE_RATE, "each heard the other for seconds"
    kinds = await desk.kinds(lead)
    assert kinds[kinds.index("attempt.waiting_agent") :] == [
        "attempt.waiting_agent", "attempt.agent_called", "attempt.bridged", "attempt.transfer_ended", "attempt.node",
        "attempt.ended", "lead.closed",
    ]  # fmt: skip
    assert (await whereabouts(database, "asha")).presence is Presence.READY
    assert engine.invites[str(attempt["id"])] == 1, "the agent's leg is no second INVITE of the attempt"


async def test_the_agent_is_on_the_call_while_it_lasts_and_then_wraps_up(at, engine, database):
    await hire(database, "asha")
    desk: Bench = at(to(), agents=AgentRules(wrap_up=timedelta(hours=1)))
    lead = await desk.push()
    async with desk.dialing():
        async with asyncio.timeout(10):
            while (await whereabouts(database, "asha")).presence is not Presence.ON_CALL:
                await asyncio.sleep(0.005)
        talking = await whereabouts(database, "asha")
        (attempt,) = (await desk.view(lead))["attempts"]
        assert talking.attempt == attempt["id"]
        await engine.calls[0].hangup()
        await desk.rested(lead)
    assert engine.calls[1].ended.is_set(), "the customer's hangup ends the agent's leg"
    after = await whereabouts(database, "asha")
    assert (after.presence, after.attempt) == (Presence.WRAP_UP, None)
    assert after.until == after.since + timedelta(hours=1)


async def test_a_customer_who_hangs_up_while_the_agents_phone_rings_leaves_the_agent_ready(at, engine, database):
    await hire(database, "asha")
    engine.pace = 1.0
    engine.callees["asha"] = Callee.rings_for_ever()
    desk: Bench = at(to(timeout=timedelta(seconds=20)))
    lead = await desk.push()
    async with desk.dialing():
        async with asyncio.timeout(10):
            while "attempt.agent_called" not in await desk.kinds(lead):
                await asyncio.sleep(0.005)
        engine.calls[0].finish(Ended(200, hung_up_by=Hangup.CUSTOMER))
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["hung_up_by"] == "customer"
    assert engine.calls[1].cancelled
    assert (await whereabouts(database, "asha")).presence is Presence.READY


async def test_an_agent_who_does_not_answer_is_paused_and_the_next_is_called(at, engine, database):
    await hire(database, "asha", "bela")
    engine.callees["asha"] = Callee.busy()
    engine.callees["bela"] = Callee.answers(hangs_up_after=1.0)
    desk: Bench = at(to(timeout=timedelta(seconds=20)))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["disposition"] == "talked"
    assert [call.number for call in engine.calls[1:]] == ["asha", "bela"]
    assert (await whereabouts(database, "asha")).presence is Presence.PAUSED
    assert (await whereabouts(database, "bela")).presence is Presence.READY


async def test_a_customer_who_waits_is_given_the_first_agent_who_becomes_ready(at, engine, database):
    await hire(database, "asha", presence="paused")
    engine.callees["asha"] = Callee.answers(hangs_up_after=1.0)
    desk: Bench = at(to(timeout=timedelta(seconds=20)))
    lead = await desk.push()
    async with desk.dialing():
        async with asyncio.timeout(10):
            while "attempt.waiting_agent" not in await desk.kinds(lead):
                await asyncio.sleep(0.005)
        async with database.transaction() as connection:
            await connection.execute("update agent set presence = 'ready'")
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["disposition"] == "talked"


async def test_the_agent_of_a_worker_that_dies_is_freed_with_its_attempt(at, engine, database):
    await hire(database, "asha")
    desk: Bench = at(to(timeout=timedelta(seconds=20)))
    lead = await desk.push()
    async with desk.dialing() as dialer:
        async with asyncio.timeout(10):
            while (await whereabouts(database, "asha")).presence is not Presence.ON_CALL:
                await asyncio.sleep(0.005)
        (attempt,) = (await desk.view(lead))["attempts"]
        async with database.transaction() as connection:
            # What reconciliation writes of a worker that is gone.
            ending = Ending(attempt["id"], Outcome.UNKNOWN, {})
            await close_attempt(connection, 1, lead.id, ending, RetryPolicy(), datetime.now(UTC))
        assert (await whereabouts(database, "asha")).presence is Presence.READY
        await dialer.hang_up(attempt["id"])
    assert (await desk.view(lead))["closed_reason"] == "unknown"


@pytest.mark.parametrize("presence", ["paused", "wrap_up", "on_call"])
async def test_nobody_ready_takes_no_agent(at, engine, database, presence):
    await hire(database, "asha", presence=presence)
    desk: Bench = at(to())
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["path"] == ["agent", "nobody"]
    assert len(engine.calls) == 1


async def test_a_customer_does_not_wait_where_all_agents_are_logged_out(at, engine, database):
    await hire(database, "asha", presence="logged_out")
    desk: Bench = at(to(timeout=timedelta(minutes=5)))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["path"] == ["agent", "nobody"]


async def test_a_named_agent_alone_is_called(at, engine, database):
    await hire(database, "asha", "bela")
    engine.callees["bela"] = Callee.answers(hangs_up_after=1.0)
    desk: Bench = at(to(None, agent="bela@acme.example"))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["disposition"] == "talked"
    assert engine.calls[1].number == "bela"


async def test_a_number_is_called_over_the_process_s_trunk(at, engine):
    engine.callees["02261234567"] = Callee.answers(hangs_up_after=1.0)
    desk: Bench = at(to(None, number="+912261234567", timeout=timedelta(seconds=20)))
    lead = await desk.push()
    async with desk.dialing() as dialer:
        seen = await desk.rested(lead)
        await asyncio.wait_for(_idle(dialer), 10)
    assert seen["attempts"][0]["disposition"] == "talked"
    assert engine.calls[1].invite.uri == "sip:02261234567@127.0.0.1:5062"


async def _idle(dialer) -> None:
    while any(budget.up for budget in dialer._budgets.values()):
        await asyncio.sleep(0.005)


async def test_a_number_that_is_busy_takes_no_agent_at_once(at, engine):
    engine.callees["02261234567"] = Callee.busy()
    desk: Bench = at(to(None, number="+912261234567", timeout=timedelta(seconds=60)))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["path"] == ["agent", "nobody"]


async def test_an_agent_of_a_process_may_be_called_by_number(at, engine, database):
    await hire(database, "asha", endpoint="+912261234567")
    engine.callees["02261234567"] = Callee.answers(hangs_up_after=1.0)
    desk: Bench = at(to(timeout=timedelta(seconds=20)))
    lead = await desk.push()
    async with desk.dialing():
        seen = await desk.rested(lead)
    assert seen["attempts"][0]["disposition"] == "talked"


async def test_no_agent_is_given_to_two_customers(at, engine, database):
    await hire(database, "asha", "bela")
    engine.callees["asha"] = engine.callees["bela"] = Callee.answers(hangs_up_after=3.0)
    desk: Bench = at(to(timeout=timedelta(seconds=20)))
    async with desk.dialing():
        pushed = [await desk.push(number=f"+91845289230{n}", number_key=f"{n}") for n in range(6)]
        for lead in pushed:
            seen = await desk.rested(lead)
            assert seen["attempts"][0]["disposition"] == "talked"
    talks = [
        (call._answered_at, call._answered_at + 0.03 - 0.005, call.number)
        for call in engine.calls
        if call.number in ("asha", "bela")
    ]
    assert len(talks) == 6
    for login in ("asha", "bela"):
        own = sorted(talk for talk in talks if talk[2] == login)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(own)), own
