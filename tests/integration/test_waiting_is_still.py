"""What cannot go on waits without spinning, and whoever is let go is free: no look, leg or agent too many."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from builders import NUMBER, a_catalogue, a_trunk
from integration.dialing import bench, process
from integration.intake_front import Front
from integration.staff import hire, whereabouts
from leadline.agents.desk import Desk
from leadline.agents.offering import OfferStage
from leadline.calling.dialer import Dialer
from leadline.calling.fronts import WHOLE_EVERY
from leadline.calling.switchboard import LOOK_AGAIN, Switchboard
from leadline.calling.transfer import Connection
from leadline.clock import SystemClock
from leadline.domain.errors import EngineUnavailable
from leadline.domain.flow import Transfer
from leadline.domain.policy import AgentRules, Mode

ASHA, BELA = "asha@acme.example", "bela@acme.example"
LONG = AgentRules(offer_timeout=timedelta(hours=1))
FEW = 20
"""Looks of a dialer in a second at most; one that spins makes ten thousand."""


@pytest.fixture
def pace():
    return 0.01


@pytest.fixture
def counted(monkeypatch):
    """How often a method is called."""
    counts: Counter[str] = Counter()

    def count(owner, name):
        method = getattr(owner, name)

        async def counting(self, *given):
            counts[name] += 1
            return await method(self, *given)

        monkeypatch.setattr(owner, name, counting)
        return counts

    return count


async def test_a_dialer_that_may_serve_nobody_does_not_look_again_and_again(database, dsn, engine, counted):
    counts = counted(Dialer, "_look")
    desk = bench(database, dsn, engine, process())
    async with desk.dialing() as dialer:
        for _ in range(2):  # the second look begins where the first one ended
            lead = await desk.push()
            dialer.wake()
            await desk.rested(lead)
        desk.catalogue = a_catalogue(replace(desk.process, paused=True))
        dialer.wake()
        await asyncio.sleep(WHOLE_EVERY)
        before = counts["_look"]
        await asyncio.sleep(1)
        assert counts["_look"] - before < FEW


async def test_an_agent_from_whose_desk_a_push_takes_a_lead_is_free_whoever_gets_it(database, dsn, engine):
    desk = bench(database, dsn, engine, process(users=(ASHA, BELA), agents=LONG, mode=Mode.PREVIEW))
    await hire(database, "asha")
    lead = await desk.push()
    stage = OfferStage(database, SystemClock(), lambda: desk.catalogue)
    await stage._round()
    assert (await whereabouts(database, "asha")).presence == "reserved"
    await hire(database, "bela")
    await Front(database, desk.catalogue).push({"mobilenumber": NUMBER, "calltype": "21"})
    assert (await desk.view(lead))["state"] == "scheduled"
    await Desk(database, SystemClock()).dial(1, lead.id, BELA, desk.catalogue)
    assert (await whereabouts(database, "asha")).presence == "ready"
    assert (await whereabouts(database, "bela")).presence == "reserved"


async def test_an_agent_to_whose_phone_no_line_is_free_is_not_taken_and_let_go_for_ever(database, dsn, engine, counted):
    counts = counted(Switchboard, "find")
    await hire(database, "asha", endpoint="+918452892399")
    line = (a_trunk(engine="fake", channels=1, cps=1_000),)
    desk = bench(database, dsn, engine, process(users=(ASHA,), mode=Mode.PROGRESSIVE, trunks=line))
    await desk.push()
    async with desk.dialing() as dialer:
        hearing = asyncio.create_task(database.listen(lambda *_: dialer.wake(), SystemClock()))
        async with asyncio.timeout(20):
            while not counts["find"]:
                await asyncio.sleep(0.01)
        before = counts["find"]
        await asyncio.sleep(1.5 * LOOK_AGAIN)
        assert counts["find"] - before <= 3
        hearing.cancel()


class Dying:
    """An engine that takes its time to say that it cannot."""

    def __init__(self):
        self.asked = 0

    async def originate(self, _invite, **_):
        self.asked += 1
        await asyncio.sleep(0.02)
        raise EngineUnavailable("the worker died")


class Somebody:
    """A switchboard that always has an agent."""

    async def change(self, seconds):
        await asyncio.sleep(seconds)

    async def find(self, *_):
        line = SimpleNamespace(sent=lambda: None, release=lambda: None)
        return SimpleNamespace(told={}, invite=None, line=line)

    async def free(self, _ticket): ...

    async def rest(self):
        await asyncio.sleep(0)


async def test_no_leg_is_begun_for_a_customer_who_has_hung_up():
    engine = Dying()
    connection = Connection(None, None, engine, Somebody(), lambda *_: None)
    making = asyncio.create_task(connection.make(Transfer("q", {}, timeout=timedelta(seconds=1))))
    while not engine.asked:
        await asyncio.sleep(0)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert engine.asked == 1
