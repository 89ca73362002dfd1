"""Agents from outside: a preview is offered, dialed on a word over HTTP, and the two hear each other over real SIP."""

import asyncio

import yaml

from acceptance.program import PATIENCE, Program, configuration
from contract.telephony.listening import a_tone
from leadline.telephony.callee import Callee
from leadline.telephony.phone.ear import speech_seconds
from leadline.telephony.phone.phone import Phone

ASHA, DIALED = "asha@acme.example", "08452892308"
CREW = "mode: preview\n        users: [asha@acme.example]"


async def test_a_preview_is_offered_dialed_and_connected(tmp_path):
    async with Phone() as phone:
        phone.callees[DIALED] = Callee.answers(says=a_tone(10.0))
        phone.callees["asha"] = Callee.answers(says=a_tone(10.0), hangs_up_after=2.5)
        written = yaml.safe_load(configuration(phone.port, process=CREW))
        written["organisations"][0]["users"] = [{"login": ASHA, "endpoint": phone.uri("asha")}]
        (tmp_path / "leadline.yaml").write_text(yaml.safe_dump(written))
        program = await Program(tmp_path).start()
        try:
            async with program.client() as client:
                pushed = await program.push({"mobilenumber": "8452892308"})
                lead_id = pushed["results"][0]["leadid"]
                ready = await client.post(f"/v1/agents/{ASHA}/presence", json={"presence": "ready"})
                assert ready.status_code == 200, ready.text
                await program.lead_that(lead_id, state="offered")
                assert (await client.get(f"/v1/agents/{ASHA}/offers")).json()["items"][0]["lead_id"] == lead_id
                assert phone.calls == []
                said = await client.post(f"/v1/leads/{lead_id}/dial", json={"login": ASHA})
                assert said.status_code == 200, said.text
                lead = await program.lead_that(lead_id, state="closed")
                (agent,) = (await client.get("/v1/agents")).json()["items"]
        finally:
            assert await asyncio.wait_for(program.stop(), PATIENCE) == 0
        customer, asha = await phone.call_to(DIALED), await phone.call_to("asha")
    assert (lead["closed_reason"], lead["attempts"][0]["disposition"]) == ("completed", "completed")
    assert agent["presence"] == "ready"
    assert min(speech_seconds(customer.heard), speech_seconds(asha.heard)) > 1.5
