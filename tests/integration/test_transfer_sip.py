"""A transfer over real SIP and RTP: the customer and the agent hear each other, within two seconds of the answer."""

from datetime import timedelta

from builders import a_trunk
from contract.telephony.listening import a_tone
from integration.dialing import BYE, bench, process
from integration.staff import hire, whereabouts
from leadline.domain.agent import Presence
from leadline.domain.flow import Flow, Hangup, Transfer
from leadline.domain.policy import Mode
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.phone.ear import speech_seconds
from leadline.telephony.phone.phone import Phone

ASHA, DIALED = "asha@acme.example", "08452892308"
AT_ONCE = timedelta(seconds=2)
TO_AGENT = Flow(
    "to agent",
    "agent",
    {"agent": Transfer("VoiceProcess", {"no_agent": "bye", "ended": "bye"}), "bye": Hangup("talked")},
)


async def test_a_transfer_joins_the_customer_and_the_agent(database, dsn):
    await _talk(database, dsn, TO_AGENT)


async def test_a_progressive_call_joins_the_customer_and_the_agent(database, dsn):
    await _talk(database, dsn, BYE, mode=Mode.PROGRESSIVE)


async def _talk(database, dsn, flow, **policy) -> None:
    engine = EmbeddedEngine(EmbeddedSettings(workers=2))
    await engine.start()
    try:
        async with Phone() as phone:
            phone.callees[DIALED] = Callee.answers(says=a_tone(20.0))
            phone.callees["asha"] = Callee.answers(says=a_tone(20.0), hangs_up_after=3.0)
            await hire(database, "asha", endpoint=phone.uri("asha"))
            trunk = a_trunk(uri=phone.uri("{number}"))
            desk = bench(database, dsn, engine, process(flow, (trunk,), users=(ASHA,), **policy))
            lead = await desk.push()
            async with desk.dialing():
                seen = await desk.rested(lead)
            customer, agent = await phone.call_to(DIALED), await phone.call_to("asha")
            assert speech_seconds(customer.heard) > 2
            assert speech_seconds(agent.heard) > 2
            assert (agent.invite.get("x-leadline-beside"), agent.invite.get("p-asserted-identity")) == (
                str(seen["attempts"][0]["id"]),
                "<tel:+918452892308>",
            )
            assert phone.invites[str(seen["attempts"][0]["id"])] == 1
            async with database.connection() as connection:
                told = {row["kind"]: row["at"] for row in await connection.fetch("select kind, at from event")}
            assert told["attempt.bridged"] - told["attempt.answered"] < AT_ONCE
            await engine.stop()
    finally:
        await engine.stop()
    assert seen["closed_reason"] == "completed"
    assert (await whereabouts(database, "asha")).presence is Presence.READY
