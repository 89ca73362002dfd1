"""Explain says which agent is waited for, and until when: the rule `agent`."""

from datetime import timedelta

import pytest

from builders import NOON, FixedClock, a_catalogue, a_lead, a_process, an_organisation, insert
from integration.staff import hire
from leadline.domain.lead import LeadState
from leadline.domain.policy import AgentRules, Fallback, Mode
from leadline.intake.explain import Explainer

ASHA = "asha@acme.example"
RULES = AgentRules(callback_grace=timedelta(minutes=15), callback_fallback=Fallback.SUPERVISOR)


@pytest.fixture
def explained(database):
    async def explain(**lead):
        known = a_catalogue(a_process(mode=Mode.PROGRESSIVE, users=(ASHA,), agents=RULES))
        async with database.transaction() as connection:
            await insert(connection, [a_lead(**lead)])
        told = await Explainer(database, FixedClock()).explain_lead(an_organisation(), known, 7)
        return next(verdict for verdict in told["verdicts"] if verdict["rule"] == "agent")

    return explain


async def test_a_callback_waits_for_its_agent_and_then_for_a_supervisor(database, explained):
    await hire(database, "asha", presence="paused")
    verdict = await explained(calltype=21, userlogin=ASHA, call_at=NOON)
    assert not verdict["passed"]
    assert verdict["reason"] == f"{ASHA} is paused: a supervisor may call from 2026-11-24 06:45:00 UTC on"


async def test_a_callback_of_an_agent_who_is_ready_waits_no_more(database, explained):
    await hire(database, "asha")
    assert (await explained(calltype=21, userlogin=ASHA, call_at=NOON))["passed"]


async def test_a_callback_of_somebody_who_is_no_agent_of_the_process_waits_too(explained):
    verdict = await explained(calltype=21, userlogin="eve", call_at=NOON)
    assert "eve is logged_out" in verdict["reason"]


@pytest.mark.parametrize(
    ("lead", "passed", "reason"),
    [
        ({"calltype": 71}, False, "when an agent says so"),
        ({"calltype": 71, "state": LeadState.OFFERED, "due_at": None}, False, "offered to an agent"),
        ({"calltype": 71, "state": LeadState.OFFERED}, True, "an agent has said"),
        ({"calltype": 1001, "userlogin": ASHA}, True, "no agent's word"),
    ],
)
async def test_previews_wait_for_a_word(explained, lead, passed, reason):
    verdict = await explained(**lead)
    assert (verdict["passed"], reason in verdict["reason"]) == (passed, True)
