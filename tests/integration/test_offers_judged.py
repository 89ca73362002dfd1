"""Nobody is shown a lead that a rule would not let be called: it is held, or closed, as where calls are made."""

from datetime import timedelta

import pytest

from integration.dialing import bench, now, process
from integration.staff import hire, whereabouts
from integration.test_offers import ASHA, LONG, offering, on_desk, when
from leadline.agents.desk import Desk
from leadline.clock import SystemClock
from leadline.domain.agent import Presence
from leadline.domain.do_not_call import Listing, Origin
from leadline.domain.policy import CallingHours, Limits, Mode
from leadline.store import do_not_call
from leadline.telephony.fake import FakeEngine


@pytest.fixture
def at(database, dsn):
    return lambda **policy: bench(database, dsn, FakeEngine(), process(users=(ASHA,), agents=LONG, **policy))


@pytest.fixture
def desk(database):
    return Desk(database, SystemClock())


async def test_an_agent_is_not_shown_a_lead_outside_calling_hours(at, database, desk):
    await hire(database, "asha")
    bench = at(calling_hours=CallingHours(days=((),) * 7))
    lead = await bench.push(calltype=71)
    async with offering(bench):

        async def held():
            return (await bench.view(lead))["held_by"]

        assert await when(held) == "calling_hours"
    assert await desk.offers(1, ASHA) == []
    assert await bench.kinds(lead) == ["lead.held"]
    assert (await whereabouts(database, "asha")).presence is Presence.READY


async def test_an_agent_is_not_shown_a_lead_on_a_do_not_call_list(at, database, desk):
    """The lead that may be called, behind it in the queue, is shown instead."""
    await hire(database, "asha")
    bench = at(mode=Mode.PREVIEW)
    listed = await bench.push(calltype=71)
    other = await bench.push(number="+918452892309", number_key="2", due_at=now())
    async with database.transaction() as connection:
        listing = Listing(listed.number, None, None, "asked not to be called")
        await do_not_call.add(connection, 1, [listing], Origin.API, now())
    async with offering(bench):
        assert [offer.lead_id for offer in await when(on_desk(desk, ASHA))] == [other.id]
    seen = await bench.view(listed)
    assert (seen["state"], seen["closed_reason"], seen["held_by"]) == ("closed", "do_not_call", None)
    assert await bench.kinds(listed) == ["lead.closed"]


async def test_what_is_held_is_offered_when_its_time_comes(at, database, desk):
    await hire(database, "asha")
    bench = at(limits=Limits(gap=timedelta(seconds=2)))
    lead = await bench.push(calltype=71)
    async with database.transaction() as connection:
        await connection.execute(
            """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                   dial_string, state, outcome, started_at)
               values (1, gen_random_uuid(), $1, 1, 1, 'w', 'telco', $2, '', 'ended', 'busy', now())""",
            lead.id,
            lead.number,
        )
    async with offering(bench):
        await when(on_desk(desk, ASHA))
    assert await bench.kinds(lead) == ["lead.held", "lead.offered"]
