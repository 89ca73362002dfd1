"""Changed retry rules and hours take effect on leads that wait, in the transaction of `apply`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from builders import a_lead, insert, new_ids
from leadline.configuration.plan import apply, plan
from leadline.configuration.reading import read
from leadline.store import attempts, events, leads

NOW = datetime(2027, 1, 5, 12, tzinfo=UTC)
ENDED = NOW - timedelta(minutes=5)
TEXT = """
organisations:
  - name: Acme
    apikey: changed-rules
    timezone: Asia/Kolkata
    processes:
      - {servicekey: P, flow: bye, RULES}
trunks:
  - {name: telco, uri: "sip:{number}@127.0.0.1:9"}
flows:
  - {name: bye, start: bye, nodes: {bye: {hangup: {outcome: done}}}}
"""


class StoppedClock:
    def now(self):
        return NOW


@pytest.fixture
def applied(database, tmp_path: Path):
    async def run(rules: str) -> None:
        file = tmp_path / "leadline.yaml"
        file.write_text(TEXT.replace("RULES", rules))
        async with database.transaction() as connection:
            await apply(connection, await plan(connection, read(file, {})), StoppedClock())

    return run


async def waiting(database, outcome: str, disposition: str | None = None, **values):
    """A lead that was called once, five minutes ago, and waits."""
    async with database.transaction() as connection:
        [number] = await new_ids(connection, 1)
        lead = a_lead(**({"id": number, "due_at": ENDED + timedelta(minutes=10), "events": 1} | values))
        await insert(connection, [lead])
        await connection.execute(
            """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                   dial_string, state, outcome, disposition, started_at, ended_at)
               values (1, $1, $2, 1, 1, 'worker', 'telco', '', '', 'ended', $3, $5, $4, $4)""",
            uuid4(), lead.id, outcome, ENDED, disposition,
        )  # fmt: skip
    return lead


async def stored(database, lead):
    async with database.connection() as connection:
        told = [event["kind"] for event in await events.timeline(connection, 1, lead.id)]
        due = await connection.fetchval("select due_at from due where lead_id = $1", lead.id)
        return await leads.get(connection, 1, lead.id), told, due


async def test_a_lead_waits_by_the_new_rule_at_once(database, applied):
    await applied("retry: {busy: {after: 10m, times: 3}}")
    lead = await waiting(database, "busy")
    await applied("retry: {busy: {after: 25m, times: 3}}")
    later = ENDED + timedelta(minutes=25)
    assert (await stored(database, lead))[0].due_at == later
    assert (await stored(database, lead))[1:] == (["lead.scheduled"], later)
    await applied("retry: {busy: {after: 1m, times: 3}}")
    assert (await stored(database, lead))[2] == NOW
    await applied("retry: {busy: {after: 1m, times: 3}}")
    assert len((await stored(database, lead))[1]) == 2


async def test_a_lead_whose_attempts_are_used_up_by_the_new_rule_closes_once(database, applied):
    await applied("retry: {busy: {after: 10m, times: 3}}")
    lead = await waiting(database, "busy")
    other = await waiting(database, "no_answer", due_at=ENDED + timedelta(minutes=30))
    await applied("retry: {busy: null}")
    closed, told, due = await stored(database, lead)
    assert (closed.closed_reason, told, due) == ("attempts_exhausted", ["lead.closed"], None)
    assert (await stored(database, other))[1] == []


async def test_a_customer_who_was_abandoned_waits_as_one_who_did_not_answer(database, applied):
    await applied("retry: {no_answer: {after: 10m, times: 3}}")
    lead = await waiting(database, "abandoned", "whatever was said of it later")
    await applied("retry: {no_answer: {after: 25m, times: 3}}")
    assert (await stored(database, lead))[0].due_at == ENDED + timedelta(minutes=25)
    async with database.connection() as connection:
        assert await attempts.outcomes(connection, 1, lead.id, 1) == {"abandoned": 1}


async def test_a_flow_that_ends_with_the_word_abandoned_has_reached_its_customer(database):
    lead = await waiting(database, "answered", "abandoned")
    async with database.connection() as connection:
        assert await attempts.outcomes(connection, 1, lead.id, 1) == {"answered": 1}


async def test_leads_that_wait_for_something_else_keep_their_time(database, applied):
    await applied("retry: {busy: {after: 10m, times: 3}}")
    pushed = await waiting(database, "busy", due_at=NOW + timedelta(days=1))
    promised = await waiting(database, "answered", calltype=41, due_at=NOW + timedelta(hours=2))
    await applied("retry: {busy: {after: 1m, times: 1}}")
    for lead in (pushed, promised):
        assert (await stored(database, lead))[:2] == (lead, [])


async def test_a_lead_that_the_old_hours_held_is_judged_anew_at_once(database, applied):
    await applied('calling_hours: {default: "09:00-10:00"}')
    lead = await waiting(database, "busy", due_at=NOW + timedelta(hours=15), held_by="calling_hours")
    await applied("calling_hours: null")
    assert (await stored(database, lead))[1:] == (["lead.scheduled"], NOW)
