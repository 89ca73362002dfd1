"""Dialing ahead from outside: a customer whom no agent is there for hears who called, over real SIP, and is counted."""

import asyncio

import yaml

from acceptance.program import PATIENCE, Program, configuration
from contract.telephony.listening import a_tone
from leadline.telephony.callee import Callee
from leadline.telephony.phone.ear import speech_seconds
from leadline.telephony.phone.phone import Phone

ASHA, SERVED, MISSED = "asha@acme.example", "08452892308", "08452892309"
PREDICTIVE = "mode: predictive\n        users: [asha@acme.example]\n        speech: {language: en}"
MESSAGE = {"en": "This was Acme, {{ fname }}. Nobody is free for you now, and we are sorry for it."}


async def test_one_customer_talks_to_the_agent_and_one_whose_agent_has_left_hears_the_message(tmp_path):
    async with Phone() as phone:
        phone.callees[SERVED] = Callee.answers(says=a_tone(10.0), hangs_up_after=2.5)
        phone.callees[MISSED] = Callee.answers(rings=3.0)
        phone.callees["asha"] = Callee.answers(says=a_tone(10.0))
        written = yaml.safe_load(configuration(phone.port, process=PREDICTIVE))
        (acme,) = written["organisations"]
        acme["users"] = [{"login": ASHA, "endpoint": phone.uri("asha")}]
        acme["processes"][0]["pacing"] = {"abandoned_message": MESSAGE}
        (tmp_path / "leadline.yaml").write_text(yaml.safe_dump(written))
        program = await Program(tmp_path).start()
        try:
            async with program.client() as client:

                async def be(presence: str) -> None:
                    said = await client.post(f"/v1/agents/{ASHA}/presence", json={"presence": presence})
                    assert said.status_code == 200, said.text

                await be("ready")
                first = await program.push({"mobilenumber": "8452892308", "fname": "Grace"})
                served = await program.lead_that(first["results"][0]["leadid"], state="closed")
                second = await program.push({"mobilenumber": "8452892309", "fname": "Grace"})
                lead_id = second["results"][0]["leadid"]
                await program.lead_that(lead_id, state="dialing")
                await be("paused")
                await program.lead_that(lead_id, state="connected")
                missed = await program.lead_that(lead_id, state="scheduled")
                events = (await client.get(f"/v1/leads/{lead_id}/timeline")).json()["items"]
                (process,) = (await client.get("/v1/processes")).json()["items"]
        finally:
            assert await asyncio.wait_for(program.stop(), PATIENCE) == 0
        customer, asha, other = [await phone.call_to(number) for number in (SERVED, "asha", MISSED)]
    assert served["closed_reason"] == "completed"
    assert min(speech_seconds(customer.heard), speech_seconds(asha.heard)) > 1.5
    (attempt,) = missed["attempts"]
    assert (attempt["disposition"], attempt["path"]) == ("abandoned", ["agent", "message", "abandoned"])
    assert "attempt.abandoned" in [event["kind"] for event in events]
    assert speech_seconds(other.heard) > 2.0
    pacing = process["pacing"]
    assert (pacing["answered"], pacing["abandoned"], pacing["room"]) == (2, 1, 0)
    assert pacing["handling"] > 1.0
