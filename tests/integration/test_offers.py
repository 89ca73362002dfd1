"""Previews are offered to agents, dialed on their word, and pass on in time; progressive calls have an agent each."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import pytest

from integration.dialing import Bench, bench, now, process
from integration.staff import hire, whereabouts
from leadline.agents.desk import Desk, NotPossible
from leadline.agents.offering import OfferStage
from leadline.clock import SystemClock
from leadline.domain.agent import Presence
from leadline.domain.lead import LeadState
from leadline.domain.policy import AgentRules, CallingHours, Fallback, Mode
from leadline.store import claims, leads, offers
from leadline.store.recall import recall
from leadline.telephony.callee import Callee

ASHA, BELA = "asha@acme.example", "bela@acme.example"
DIALED = "08452892308"
LONG = AgentRules(offer_timeout=timedelta(hours=1))


@pytest.fixture
def pace():
    return 0.01


@pytest.fixture
def at(database, dsn, engine):
    return lambda rules=LONG, **policy: bench(
        database, dsn, engine, process(users=(ASHA, BELA), agents=rules, **policy)
    )


@pytest.fixture
def desk(database):
    return Desk(database, SystemClock())


@contextlib.asynccontextmanager
async def offering(bench: Bench):
    """The stage at work, woken as notifications would."""
    stage = OfferStage(bench.database, SystemClock(), lambda: bench.catalogue)
    running = asyncio.create_task(stage.run())
    try:
        yield stage
    finally:
        running.cancel()
        await asyncio.wait([running])


async def when(happened: Callable, within: float = 10.0):
    async with asyncio.timeout(within):
        while not (seen := await happened()):
            await asyncio.sleep(0.005)
    return seen


def on_desk(desk: Desk, login: str):
    return lambda: desk.offers(1, login)


async def test_a_preview_is_offered_dialed_on_a_word_and_connected(at, engine, database, desk):
    await hire(database, "asha")
    engine.callees["asha"] = Callee.answers(hangs_up_after=5.0)
    bench = at()
    lead = await bench.push(calltype=71)
    async with offering(bench), bench.dialing() as dialer:
        (offer,) = await when(on_desk(desk, ASHA))
        assert (offer.lead_id, offer.agreed, engine.calls) == (lead.id, False, [])
        assert (await bench.view(lead))["state"] == "offered"
        assert (await whereabouts(database, "asha")).presence is Presence.RESERVED
        await desk.dial(1, lead.id, ASHA, bench.catalogue)
        dialer.wake()
        seen = await bench.rested(lead)
    assert [call.number for call in engine.calls] == [DIALED, "asha"]
    assert (seen["closed_reason"], seen["attempts"][0]["disposition"]) == ("completed", "completed")
    kinds = await bench.kinds(lead)
    assert kinds[:4] == ["lead.offered", "lead.agreed", "lead.dialing", "attempt.created"]
    assert "attempt.bridged" in kinds
    assert (await whereabouts(database, "asha")).presence is Presence.READY


async def test_a_skip_passes_on_at_once_to_the_next_agent(at, database, desk):
    await hire(database, "asha", "bela")
    bench = at()
    lead = await bench.push(calltype=71)
    async with offering(bench) as stage:
        await when(on_desk(desk, ASHA))
        await desk.skip(1, lead.id, ASHA)
        stage.wake()
        assert [offer.lead_id for offer in await when(on_desk(desk, BELA))] == [lead.id]
    assert (await whereabouts(database, "asha")).presence is Presence.READY
    assert await bench.kinds(lead) == ["lead.offered", "lead.offer_passed", "lead.offered"]


async def test_an_offer_that_nobody_answers_passes_on_in_time_and_comes_round(at, database, desk):
    await hire(database, "asha", "bela")
    bench = at(AgentRules(offer_timeout=timedelta(milliseconds=150)))
    lead = await bench.push(calltype=71)
    async with offering(bench):
        await when(on_desk(desk, ASHA))
        await when(on_desk(desk, BELA))
        await when(on_desk(desk, ASHA))
    assert (await bench.kinds(lead))[:4] == ["lead.offered", "lead.offer_passed", "lead.offered", "lead.offer_passed"]


async def test_a_preview_is_offered_to_its_own_agent_alone(at, database, desk):
    await hire(database, "asha")
    await hire(database, "bela", presence="paused")
    bench = at()
    await bench.push(calltype=31, userlogin=BELA)
    other = await bench.push(calltype=71, number_key="2")
    async with offering(bench) as stage:
        assert [offer.lead_id for offer in await when(on_desk(desk, ASHA))] == [other.id]
        await desk.be(1, BELA, Presence.READY)
        stage.wake()
        assert await when(on_desk(desk, BELA))


@pytest.mark.parametrize(("fallback", "taken"), [(Fallback.ANY, True), (Fallback.WAIT, False)])
async def test_after_the_grace_time_the_policy_decides(at, database, desk, fallback, taken):
    await hire(database, "asha")
    bench = at(AgentRules(timedelta(hours=1), callback_grace=timedelta(), callback_fallback=fallback))
    await bench.push(calltype=31, userlogin=BELA)
    last = await bench.push(calltype=71, number_key="2")
    async with offering(bench):
        (offer,) = await when(on_desk(desk, ASHA))
    assert (offer.lead_id == last.id) is not taken


async def test_who_goes_away_leaves_the_lead_to_others(at, database, desk):
    await hire(database, "asha", "bela")
    bench = at()
    lead = await bench.push(calltype=71)
    async with offering(bench) as stage:
        await when(on_desk(desk, ASHA))
        await desk.be(1, ASHA, Presence.PAUSED)
        stage.wake()
        assert [offer.lead_id for offer in await when(on_desk(desk, BELA))] == [lead.id]
    assert (await whereabouts(database, "asha")).presence is Presence.PAUSED


async def test_a_lead_that_is_closed_meanwhile_frees_its_agent(at, database, desk):
    await hire(database, "asha")
    bench = at()
    lead = await bench.push(calltype=71)
    async with offering(bench) as stage:
        await when(on_desk(desk, ASHA))
        async with database.transaction() as connection:
            stored = await leads.get(connection, 1, lead.id, lock=True)
            await leads.update(connection, [stored.but(state=LeadState.CLOSED)])
        stage.wake()

        async def ready():
            return (await whereabouts(database, "asha")).presence is Presence.READY

        await when(ready)
        assert await desk.offers(1, ASHA) == []


async def test_who_makes_offers_is_told_at_once_of_a_lead_that_is_offered_no_more(at, database, dsn, desk):
    await hire(database, "asha")
    bench = at()
    lead, other = await bench.push(calltype=71), await bench.push(number_key="2")
    async with offering(bench):
        await when(on_desk(desk, ASHA))
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(dsn)
    await listener.add_listener("due", lambda *told: heard.put_nowait(told[3]))
    await listener.add_listener("test", lambda *told: heard.put_nowait(told[3]))
    async with database.transaction() as connection:
        for closing, said in ((other, "nobody's desk"), (lead, "asha's desk")):
            stored = await leads.get(connection, 1, closing.id, lock=True)
            await leads.update(connection, [stored.but(state=LeadState.CLOSED, due_at=None)])
            await connection.execute("select pg_notify('test', $1)", said)
    assert [await asyncio.wait_for(heard.get(), 10) for _ in range(3)] == ["nobody's desk", "offer", "asha's desk"]
    assert await desk.offers(1, ASHA) == []
    await listener.close()


async def test_a_word_for_a_lead_that_is_on_another_desk_is_refused(at, database, desk):
    await hire(database, "asha", "bela")
    bench = at()
    lead = await bench.push(calltype=71)
    fresh = await bench.push(number_key="2")
    async with offering(bench):
        await when(on_desk(desk, ASHA))
    with pytest.raises(NotPossible, match="is offered and waits for no agent's word"):
        await desk.dial(1, lead.id, BELA, bench.catalogue)
    with pytest.raises(NotPossible, match="not offered to bela"):
        await desk.skip(1, lead.id, BELA)
    with pytest.raises(NotPossible, match="only previews do"):
        await desk.dial(1, fresh.id, BELA, bench.catalogue)
    assert await desk.dial(1, 10**9, BELA, bench.catalogue) is None
    assert await desk.dial(1, lead.id, "nobody", bench.catalogue) is None


async def test_an_agent_may_pick_a_preview_from_the_queue(at, engine, database, desk):
    await hire(database, "asha")
    engine.callees["asha"] = Callee.answers(hangs_up_after=1.0)
    bench = at()
    lead = await bench.push(calltype=71)
    await desk.dial(1, lead.id, ASHA, bench.catalogue)
    again = await desk.dial(1, lead.id, ASHA, bench.catalogue)
    assert (again.state, (await bench.kinds(lead))[-2:]) == ("offered", ["lead.offered", "lead.agreed"])
    async with bench.dialing():
        await bench.rested(lead)
    assert [call.number for call in engine.calls] == [DIALED, "asha"]


async def test_a_rule_that_holds_the_call_gives_the_agent_back(at, database, desk):
    await hire(database, "asha")
    bench = at()
    lead = await bench.push(calltype=71, expires_at=now() + timedelta(milliseconds=1))
    await desk.dial(1, lead.id, ASHA, bench.catalogue)
    async with bench.dialing():

        async def closed():
            return (await bench.view(lead))["state"] == "closed"

        await when(closed)
    assert (await whereabouts(database, "asha")).presence is Presence.READY
    async with database.connection() as connection:
        assert await offers.get(connection, 1, lead.id) is None


async def test_a_call_that_the_hours_delay_gives_the_agent_back_and_waits(at, engine, database, desk):
    await hire(database, "asha")
    closed = CallingHours(days=(((),) * 7))
    bench = at(calling_hours=closed)
    lead = await bench.push(calltype=71)
    await desk.dial(1, lead.id, ASHA, bench.catalogue)
    async with bench.dialing():

        async def held():
            return (await bench.view(lead))["held_by"] == "calling_hours"

        await when(held)
    assert ((await bench.view(lead))["state"], engine.calls) == ("scheduled", [])
    assert (await whereabouts(database, "asha")).presence is Presence.READY
    async with database.transaction() as connection:
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, 'VoiceProcess', '{}')"
        )
        released = await claims.held(connection, None, now(), 0, 10)
    assert [one.id for one in released] == [lead.id], "a change of the hours looks at it again"


async def test_in_a_preview_process_everything_is_offered_and_nothing_dialed(at, engine, database, desk):
    await hire(database, "asha")
    engine.callees["asha"] = Callee.answers(hangs_up_after=1.0)
    bench = at(mode=Mode.PREVIEW)
    lead = await bench.push()
    async with offering(bench), bench.dialing() as dialer:
        await when(on_desk(desk, ASHA))
        assert engine.calls == []
        await desk.dial(1, lead.id, ASHA, bench.catalogue)
        dialer.wake()
        assert (await bench.rested(lead))["closed_reason"] == "completed"


async def test_a_wrap_up_ends_by_itself(at, database):
    await hire(database, "asha", presence="wrap_up")
    until = now() + timedelta(milliseconds=200)
    async with database.transaction() as connection:
        await connection.execute("update agent set until = $1", until)

    async def ready():
        return (await whereabouts(database, "asha")).presence is Presence.READY

    async with offering(at()):
        await when(ready)
        assert now() >= until


# Progressive


async def test_a_progressive_process_calls_one_customer_for_each_ready_agent(at, engine, database):
    await hire(database, "asha", "bela")
    bench = at(mode=Mode.PROGRESSIVE)
    pushed = [await bench.push(number=f"+91845289230{n}", number_key=f"{n}") for n in range(5)]
    async with bench.dialing():

        async def talking():
            return {(await whereabouts(database, name)).presence for name in ("asha", "bela")} == {Presence.ON_CALL}

        await when(talking)
        customers = [call for call in engine.calls if call.number.startswith("0")]
        assert len(customers) == 2
        assert not any(call.ended.is_set() for call in engine.calls)

        async def written():  # after the agents, whom the customer's own record does not keep waiting
            states = [(await bench.view(lead))["state"] for lead in pushed]
            return sorted(states) == ["connected"] * 2 + ["scheduled"] * 3

        await when(written)
        engine.callees["asha"] = engine.callees["bela"] = Callee.answers(hangs_up_after=1.0)
        for call in engine.calls[:]:
            if call.number in ("asha", "bela"):
                await call.hangup()
        for lead in pushed:
            assert (await bench.rested(lead))["closed_reason"] == "completed"


async def test_an_agent_whose_customer_does_not_answer_is_ready_for_the_next(at, engine, database):
    await hire(database, "asha")
    engine.callees[DIALED] = Callee.busy()
    bench = at(mode=Mode.PROGRESSIVE)
    lead = await bench.push()
    async with bench.dialing():
        await bench.rested(lead)
    assert [call.number for call in engine.calls] == [DIALED]
    assert (await whereabouts(database, "asha")).presence is Presence.READY


async def test_nobody_is_called_while_nobody_is_ready(at, engine, database):
    await hire(database, "asha", presence="paused")
    engine.callees["asha"] = Callee.answers(hangs_up_after=1.0)
    bench = at(mode=Mode.PROGRESSIVE)
    lead = await bench.push()
    async with bench.dialing() as dialer:

        async def asleep():
            return dialer._rounds.asleep

        await when(asleep)
        assert engine.calls == []
        await Desk(database, SystemClock()).be(1, ASHA, Presence.READY)
        dialer.wake()
        assert (await bench.rested(lead))["closed_reason"] == "completed"


async def test_a_callback_waits_for_its_own_agent_and_goes_to_them_at_once(at, engine, database, desk):
    await hire(database, "asha")
    await hire(database, "bela", presence="paused")
    engine.callees["asha"] = engine.callees["bela"] = Callee.answers(hangs_up_after=1.0)
    bench = at(mode=Mode.PROGRESSIVE)
    lead = await bench.push(calltype=21, userlogin=BELA)
    async with bench.dialing() as dialer:

        async def held():
            return (await bench.view(lead))["held_by"] == "agent"

        await when(held)
        assert engine.calls == []
        await desk.be(1, BELA, Presence.READY)
        dialer.wake()
        await bench.rested(lead)
    assert [call.number for call in engine.calls] == [DIALED, "bela"]
    kinds = await bench.kinds(lead)
    assert kinds[:3] == ["lead.held", "lead.scheduled", "lead.dialing"]


async def test_a_callback_goes_to_anybody_once_its_grace_is_over(at, engine, database):
    await hire(database, "asha")
    engine.callees["asha"] = Callee.answers(hangs_up_after=1.0)
    rules = AgentRules(callback_grace=timedelta(hours=1), callback_fallback=Fallback.ANY)
    bench = at(rules, mode=Mode.PROGRESSIVE)
    lead = await bench.push(calltype=21, userlogin=BELA, call_at=now())
    async with bench.dialing() as dialer:

        async def held():
            return (await bench.view(lead))["held_by"] == "agent"

        await when(held)
        assert engine.calls == []
        await bench.make_due(lead, call_at=now() - rules.callback_grace)  # an hour later
        dialer.wake()
        await bench.rested(lead)
    assert engine.calls[1].number == "asha"
    assert (await bench.kinds(lead))[0] == "lead.held"


async def test_an_agent_is_recalled_to_nothing_that_is_not_theirs(database):
    await hire(database, "asha")
    async with database.transaction() as connection:
        await recall(connection, 1, ASHA, now())
