"""What a predictive process has measured and abandoned, as it is told over HTTP."""

from datetime import timedelta

import msgspec
import pytest
from api import an_application, client_of

from builders import NOON, SERVICEKEY, FixedClock, a_catalogue, a_process
from leadline.calling.pacing import Meter
from leadline.domain.policy import AgentRules, Mode, PacingRules
from leadline.web import control_shapes

PROCESS = a_process(mode=Mode.PREDICTIVE, pacing=PacingRules(0.05), agents=AgentRules(wrap_up=timedelta(seconds=30)))


@pytest.fixture
async def client(database):
    async with database.transaction() as connection:
        await connection.execute(
            "insert into organisation (name, apikey_sha256, timezone) values ('Acme', '\\x01', 'UTC')"
        )
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, $1, '{}'), (1, 'Second', '{}')",
            SERVICEKEY,
        )
        meter = Meter(PROCESS)
        for day in (60, 29, 0):
            when = NOON - timedelta(days=day)
            for _ in range(20):
                await meter.answered(connection, when, 8.0)
            await meter.abandoned(connection, when)
        await meter.ended(connection, NOON, rang=20.0)
        await meter.ended(connection, NOON, talked=timedelta(seconds=90))
    known = a_catalogue(PROCESS, a_process(id=2, servicekey="Second"))
    async with client_of(an_application(database, known, clock=FixedClock())) as client:
        yield client


async def test_processes_tell_what_is_measured_and_how_near_the_cap_is(client):
    answer = await client.get("/v1/processes")
    second, told = msgspec.json.decode(answer.content, type=control_shapes.Processes).items
    assert second.pacing is None
    pacing = told.pacing
    assert (pacing.answered, pacing.abandoned, pacing.abandonment, pacing.abandonment_cap) == (40, 2, 0.05, 0.05)
    assert (pacing.calls, pacing.ring, pacing.handling, pacing.room) == (61, 8.0, 120.0, 0)
    assert pacing.answer_rate == pytest.approx(60 / 61)


async def test_metrics_count_the_answers_of_thirty_days(client):
    lines = (await client.get("/metrics")).text.splitlines()
    assert f'leadline_answers{{became="answered",process="{SERVICEKEY}"}} 40.0' in lines
    assert f'leadline_answers{{became="abandoned",process="{SERVICEKEY}"}} 2.0' in lines
