"""Two legs joined, on both engines: each far end hears the other, and the end of one leaves the other up."""

import asyncio

import pytest

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import SAMPLE_RATE, Answered, Hangup, Pcm, PlayFinished
from leadline.telephony.phone.ear import speech_seconds
from leadline.telephony.phone.phone import Phone

from .conftest import Line
from .listening import Listener, a_tone, an_invite, soon

CUSTOMER, AGENT = "441632960961", "asha"


def after(seconds: float, tone: float) -> Pcm:
    """Silence, then a tone: what is said before the two are joined is nobody's to hear."""
    return bytes(2 * int(seconds * SAMPLE_RATE)) + a_tone(tone)


async def joined(line: Line, customer: Callee, agent: Callee) -> tuple[Listener, Listener]:
    line.callees[CUSTOMER], line.callees[AGENT] = customer, agent
    first = Listener(await line.engine.originate(an_invite(line.uri(CUSTOMER))))
    await first.until(Answered)
    second = Listener(await line.engine.originate(an_invite(line.uri(AGENT)), beside=first.call))
    await second.until(Answered)
    await first.call.join(second.call)
    return first, second


async def heard_by(line: Line, number: str) -> float:
    """The seconds of speech that this far end has heard by the end of its call."""
    far = await line.call_to(number)
    await asyncio.wait_for(far.ended.wait(), 10)
    return speech_seconds(far.heard)


async def test_each_far_end_hears_the_other_and_the_agents_hangup_leaves_the_customer_to_us(line: Line):
    customer, agent = await joined(
        line,
        Callee.answers(says=after(1.5, 1.0)),
        Callee.answers(says=after(1.0, 0.6), hangs_up_after=3.5),
    )
    assert (await agent.ended()).hung_up_by is Hangup.CUSTOMER
    assert await heard_by(line, AGENT) == pytest.approx(1.0, abs=0.1)
    play_id = await customer.call.play(a_tone(0.4))
    assert await customer.until(PlayFinished) == PlayFinished(play_id, completed=True)
    await customer.call.hangup()
    assert (await customer.ended()).hung_up_by is Hangup.US
    assert await heard_by(line, CUSTOMER) == pytest.approx(0.6 + 0.4, abs=0.12)


async def test_the_customers_hangup_leaves_the_agents_leg_up(line: Line):
    customer, agent = await joined(line, Callee.answers(hangs_up_after=1.0), Callee.answers())
    assert (await customer.ended()).hung_up_by is Hangup.CUSTOMER
    assert line.engine.capacity.calls == 1
    await agent.call.hangup()
    assert (await agent.ended()).hung_up_by is Hangup.US
    assert line.engine.capacity.calls == 0


async def test_what_is_played_ends_with_the_joining(line: Line):
    line.callees[CUSTOMER] = line.callees[AGENT] = Callee.answers()
    customer = Listener(await line.engine.originate(an_invite(line.uri(CUSTOMER))))
    agent = Listener(await line.engine.originate(an_invite(line.uri(AGENT)), beside=customer.call))
    await asyncio.gather(customer.until(Answered), agent.until(Answered))
    play_id = await customer.call.play(a_tone(60.0))
    await agent.call.join(customer.call)
    assert await customer.until(PlayFinished) == PlayFinished(play_id, completed=False)


async def test_playing_to_one_parts_the_two(line: Line):
    customer, agent = await joined(line, Callee.answers(), Callee.answers(says=after(3.0, 1.0), hangs_up_after=5.0))
    play_id = await customer.call.play(a_tone(0.3))
    assert await customer.until(PlayFinished) == PlayFinished(play_id, completed=True)
    await agent.ended()
    await customer.call.hangup()
    await customer.ended()
    assert await heard_by(line, CUSTOMER) == pytest.approx(0.3, abs=0.1)


async def test_a_call_that_rings_is_not_joined(line: Line):
    line.callees[CUSTOMER] = Callee.answers(says=a_tone(2.0), hangs_up_after=2.0)
    line.callees[AGENT] = Callee.rings_for_ever()
    customer = Listener(await line.engine.originate(an_invite(line.uri(CUSTOMER))))
    await customer.until(Answered)
    agent = Listener(await line.engine.originate(an_invite(line.uri(AGENT)), beside=customer.call))
    await agent.call.join(customer.call)
    await customer.ended()
    await agent.call.hangup()
    await agent.ended()
    assert await heard_by(line, AGENT) == 0


async def test_no_invite_leaves_beside_a_call_that_is_over(line: Line):
    line.callees[CUSTOMER] = Callee.busy()
    customer = Listener(await line.engine.originate(an_invite(line.uri(CUSTOMER))))
    await customer.ended()
    await soon(lambda: line.engine.capacity.calls == 0)
    with pytest.raises(EngineUnavailable, match="is over"):
        await line.engine.originate(an_invite(line.uri(AGENT)), beside=customer.call)
    assert line.engine.capacity.calls == 0


async def test_every_second_leg_is_in_the_worker_of_the_first():
    engine = EmbeddedEngine(EmbeddedSettings(workers=2))
    await engine.start()
    try:
        async with Phone() as phone:
            firsts = [Listener(await engine.originate(an_invite(phone.uri(f"10{n}")))) for n in range(4)]
            seconds = [
                Listener(await engine.originate(an_invite(phone.uri(f"20{n}")), beside=first.call))
                for n, first in enumerate(firsts)
            ]
            await asyncio.gather(*(listener.until(Answered) for listener in firsts + seconds))
            for first, second in zip(firsts, seconds, strict=True):
                await first.call.join(second.call)
            other = next(first for first in firsts[1:] if first.call.send != firsts[0].call.send)
            with pytest.raises(ValueError, match="beside"):
                await firsts[0].call.join(other.call)
            await engine.stop()
    finally:
        await engine.stop()
