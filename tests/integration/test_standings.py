"""How a process stands is told at a glance, however many of its leads wait: exactly, or as an estimate said so."""

from datetime import timedelta

import pytest

from builders import a_lead, insert
from integration.dialing import now
from integration.staff import hire
from leadline.domain.lead import LeadState
from leadline.store import offers, standings

MANY = """
    with made as (
        insert into lead (organisation_id, process_id, media, calltype, state, held_by, number, due_at, scheduled_by,
            events, created_at, updated_at)
        select 1, $1, 12, 1001, 'scheduled', case when n % 10 = 0 then 'calling_hours' end, '+918452892308',
               now() + (case when n % 10 = 0 then interval '1 day' else interval '-1 day' end), now(), 0, now(), now()
        from generate_series(1, $2::int) as n returning id, process_id, due_at)
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select 1, id, 'call', process_id, 3, due_at from made"""
READ = """
    select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read) from pg_stat_xact_user_tables
    where relname in ('due', 'lead', 'attempt', 'offer')"""


@pytest.fixture
async def two(database):
    """Two processes."""
    await hire(database)
    async with database.transaction() as connection:
        for servicekey in ("VoiceProcess", "Other"):
            await connection.execute(
                "insert into process (organisation_id, servicekey, policy) values (1, $1, '{}')", servicekey
            )


async def test_every_lead_that_waits_is_told_by_state_and_call_type_and_rule(database, two):
    soon, past = now() + timedelta(hours=1), now() - timedelta(hours=1)
    rows = [
        {"calltype": 5},
        {"calltype": 21, "due_at": soon},
        {"calltype": 31},
        {"calltype": 41, "due_at": soon, "held_by": "calling_hours"},
        {"calltype": 71, "due_at": soon, "held_by": "calling_hours"},
        {"calltype": 1001, "expires_at": soon},
        {"calltype": 1001, "due_at": soon, "held_by": "agent"},
        {"calltype": 1001, "state": LeadState.AWAITING_PROMPT},
        {"calltype": 71, "state": LeadState.OFFERED, "due_at": None},
        {"calltype": 31, "state": LeadState.OFFERED},
        {"calltype": 1001, "state": LeadState.CLOSED, "due_at": None},
        {"calltype": 1001, "state": LeadState.DIALING, "due_at": None},
        {"calltype": 1001, "process_id": 2},
    ]
    async with database.transaction() as connection:
        await insert(connection, [a_lead(id=n, **{"due_at": past} | row) for n, row in enumerate(rows, 1)])
        await offers.put(connection, 1, 9, "asha@acme.example", now(), soon, before=None)
        await offers.put(connection, 1, 10, "bela@acme.example", now(), None, before=None)
        for state in ("ringing", "ringing", "bridged", "ended"):
            await connection.execute(
                """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                       dial_string, state, started_at)
                   values (1, gen_random_uuid(), 1, 1, 1, 'w', 'telco', '', '', $1, now())""",
                state,
            )
        told = await standings.standings(connection, [1, 2], now())
    assert told[1].waiting == {
        "scheduled": {5: 1, 21: 1, 31: 1, 41: 1, 71: 1, 1001: 2},
        "awaiting_prompt": {10500: 1},
        "offered": {31: 1, 71: 1},
    }
    assert told[1].held == {"calling_hours": 2, "agent": 1}
    assert told[1].due_now == 4, "the hot lead, the preview, the fresh one, and the one that its agent wants dialed"
    assert (told[1].calls, told[1].on_the_phone, told[1].estimated) == (3, {"ringing": 2, "bridged": 1}, False)
    assert told[2].waiting == {"scheduled": {1001: 1}}


async def test_very_many_are_not_read_and_their_number_is_told_near_enough(database, two, monkeypatch):
    monkeypatch.setattr(standings, "BOUND", 100)
    async with database.transaction() as connection:
        await connection.execute(MANY, 1, 20_000)
        await connection.execute(MANY, 2, 50)
        await connection.execute("analyze due, lead")
    async with database.transaction() as connection:
        before = await connection.fetchval(READ)
        told = await standings.standings(connection, [1, 2], now())
        read = await connection.fetchval(READ) - before
    assert told[1].estimated
    assert told[1].waiting["scheduled"][1001] == pytest.approx(20_000, rel=0.1)
    assert told[1].due_now == pytest.approx(18_000, rel=0.15)
    assert told[1].held["calling_hours"] == pytest.approx(2_000, rel=0.15)
    assert (told[2].waiting, told[2].held, told[2].due_now) == (
        {"scheduled": {1001: 50}}, {"calling_hours": 5}, 45,
    )  # fmt: skip
    assert not told[2].estimated
    assert read < 1_000
