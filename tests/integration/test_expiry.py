"""Past its expirydatetime a lead closes as `expired`, once, whatever it was waiting for; on the phone it does not."""

import asyncio
from datetime import timedelta

import pytest

from builders import NOON
from leadline.calling.expiry import ExpiryStage
from leadline.domain.lead import ClosedReason, LeadState

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
async def expiring(room):
    async with room.running(ExpiryStage(room.database, room.clock, lambda: room.catalogue)):
        yield room


@pytest.mark.parametrize("state", [LeadState.SCHEDULED, LeadState.AWAITING_PROMPT, LeadState.OFFERED])
async def test_an_open_lead_closes_when_its_time_is_over(expiring, state):
    due_at = NOON + timedelta(days=2)
    (lead,) = await expiring.waiting(
        state=state, due_at=due_at, held_by="calling_hours", expires_at=NOON + HOUR, events=0
    )
    expiring.pass_time(HOUR - SECOND)
    await asyncio.sleep(0.2)
    assert (await expiring.lead(lead)).state is state
    expiring.pass_time(SECOND)
    await expiring.becomes(lead, LeadState.CLOSED)
    closed = await expiring.lead(lead)
    assert (closed.closed_reason, closed.due_at, closed.held_by) == (ClosedReason.EXPIRED, None, None)
    why = "the lead expired at 2026-11-24 07:30:00 UTC"
    assert await expiring.events(lead) == [("lead.closed", {"reason": "expired", "rule": "expiry", "why": why})]
    assert await expiring.due(lead) == {}


async def test_it_wakes_by_itself_at_the_time(expiring):
    (lead,) = await expiring.waiting(expires_at=NOON + timedelta(seconds=0.3))
    await asyncio.sleep(0.1)
    expiring.clock.time = NOON + SECOND  # nobody wakes the stage
    await expiring.becomes(lead, LeadState.CLOSED)


async def test_a_push_that_brings_an_earlier_expiry_is_noticed(expiring):
    (lead,) = await expiring.waiting(expires_at=NOON + HOUR)
    await asyncio.sleep(0.1)
    await expiring.change(lead, expires_at=NOON)
    await expiring.becomes(lead, LeadState.CLOSED)


@pytest.mark.parametrize("state", [LeadState.DIALING, LeadState.CONNECTED, LeadState.WRAP_UP, LeadState.CLOSED])
async def test_a_lead_on_the_phone_or_closed_is_left_alone(expiring, state):
    (lead,) = await expiring.waiting(state=state, expires_at=NOON - HOUR)
    (witness,) = await expiring.waiting(expires_at=NOON)
    await expiring.becomes(witness, LeadState.CLOSED)
    assert (await expiring.lead(lead)).state is state
    assert await expiring.events(lead) == []


async def test_thousands_expire_at_once_each_with_one_event(expiring):
    made = await expiring.waiting(*({"calltype": [5, 1001][n % 2]} for n in range(1_000)), expires_at=NOON - SECOND)
    for lead in made:
        await expiring.becomes(lead, LeadState.CLOSED)
    assert len(await expiring.rows("select from event where kind = 'lead.closed'")) == 1_000
    assert await expiring.rows("select from due") == []


async def test_two_stages_close_a_lead_once(expiring):
    async with expiring.running(ExpiryStage(expiring.database, expiring.clock, lambda: expiring.catalogue)):
        made = await expiring.waiting(*({"fname": str(n)} for n in range(500)), expires_at=NOON)
        for lead in made:
            await expiring.becomes(lead, LeadState.CLOSED)
    assert len(await expiring.rows("select from event")) == 500


async def test_a_lead_of_a_process_that_is_gone_stays_and_costs_nothing(expiring, monkeypatch):
    await expiring.execute("update process set retired_at = $1", NOON)
    await expiring.reread()
    while not expiring.stage.rounds.asleep:  # a look that began by the rules before is over when the stage sleeps
        await asyncio.sleep(0.005)
    (lead,) = await expiring.waiting(expires_at=NOON - HOUR)
    await asyncio.sleep(0.2)
    asked = []
    connection = expiring.database.connection
    monkeypatch.setattr(expiring.database, "connection", lambda: asked.append(1) or connection())
    await asyncio.sleep(0.5)
    assert asked == []
    monkeypatch.undo()
    assert (await expiring.lead(lead)).state is LeadState.AWAITING_PROMPT
