"""What every telephony engine does: one suite, kept by the fake and by the embedded engine over real SIP and RTP."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.callee import Callee, Moment, Press
from leadline.telephony.engine import (
    SAMPLE_RATE,
    Account,
    Answered,
    Digit,
    Ended,
    Fault,
    Hangup,
    Placed,
    PlayFinished,
    Ringing,
)
from leadline.telephony.phone.ear import loudness, speech_seconds

from .conftest import Line, Lines
from .listening import Listener, a_tone, an_invite, soon, wav_samples

CUSTOMER = "441632960961"


async def call(line: Line, callee: Callee, number: str = CUSTOMER, **invite: object) -> Listener:
    line.callees[number] = callee
    return Listener(await line.engine.originate(an_invite(line.uri(number), **invite)))


# How a call may end before it is answered


@pytest.mark.parametrize(
    ("callee", "status", "cause"),
    [
        (Callee.busy(), 486, 17),
        (Callee.not_found(), 404, 1),
        (Callee.unavailable(), 480, None),
        (Callee.refuses(480, cause=17), 480, 17),
        (Callee.declined(), 603, None),
        (Callee.congested(), 503, 34),
        (Callee.refuses(488), 488, None),
    ],
    ids=["busy", "not-found", "unavailable", "unavailable-q850-17", "declined", "congested", "not-acceptable"],
)
async def test_a_refusal_ends_with_its_status_and_cause(line: Line, callee: Callee, status: int, cause: int | None):
    listener = await call(line, callee)
    ended = await listener.ended()
    assert (ended.sip_status, ended.cause, ended.fault, ended.hung_up_by) == (status, cause, None, None)
    assert ended.call_id
    assert listener.kinds == ["Placed", "Ended"]


async def test_a_refusal_after_ringing_tells_both(line: Line):
    listener = await call(line, Callee.refuses(486, rings=0.2))
    assert (await listener.ended()).sip_status == 486
    assert listener.kinds == ["Placed", "Ringing", "Ended"]


async def test_no_answer_is_cancelled_at_the_ring_timeout(line: Line):
    listener = await call(line, Callee.rings_for_ever(), ring_timeout=1.5)
    ended = await listener.ended()
    assert (ended.sip_status, ended.fault, ended.hung_up_by) == (None, Fault.RING_TIMEOUT, None)
    assert listener.kinds == ["Placed", "Ringing", "Ended"]
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)
    assert far.cancelled


async def test_a_carrier_that_searches_for_ever_is_alive_until_the_ring_timeout(line: Line):
    listener = await call(line, Callee.searches_for_ever(), ring_timeout=2.0)
    ended = await listener.ended()
    assert ended.fault is Fault.RING_TIMEOUT, "a 100 counts: the response timer of 1 s must not have ended it"
    assert listener.kinds == ["Placed", "Ended"]
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)
    assert far.cancelled


async def test_a_dead_peer_ends_by_our_own_timer(line: Line):
    listener = await call(line, Callee.dead(), ring_timeout=30.0)
    ended = await listener.ended(within=4)
    assert (ended.sip_status, ended.fault) == (None, Fault.NO_RESPONSE)
    assert listener.kinds == ["Placed", "Ended"]


async def test_a_uri_that_cannot_be_called_is_refused_without_an_invite(line: Line):
    listener = Listener(await line.engine.originate(an_invite("nobody here")))
    ended = await listener.ended()
    assert ended.fault is Fault.REFUSED
    assert "nobody here" in ended.reason
    assert listener.kinds == ["Ended"]


async def test_hanging_up_while_it_rings_cancels(line: Line):
    listener = await call(line, Callee.rings_for_ever())
    await listener.until(Ringing)
    await listener.call.hangup()
    ended = await listener.ended()
    assert (ended.sip_status, ended.fault, ended.hung_up_by) == (None, Fault.CANCELLED, None)
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)
    assert far.cancelled


async def test_a_hangup_right_after_originate_is_not_lost(line: Line):
    listener = await call(line, Callee.rings_for_ever())
    await listener.call.hangup()
    assert (await listener.ended()).fault is Fault.CANCELLED


@pytest.mark.parametrize("lead", [-0.01, 0.0, 0.002, 0.01])
async def test_an_answer_that_crosses_the_cancel_never_hangs(line: Line, lead: float):
    listener = await call(line, Callee.answers(rings=0.3), ring_timeout=0.3 + lead)
    waiting = asyncio.create_task(listener.ended())
    await soon(lambda: waiting.done() or "Answered" in listener.kinds)
    if not waiting.done():
        await listener.call.hangup()
    ended = await waiting
    assert ended.fault is Fault.RING_TIMEOUT or (ended.sip_status, ended.hung_up_by) == (200, Hangup.US)
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)


# An answered call


async def test_an_answer_then_the_far_end_hangs_up(line: Line):
    listener = await call(line, Callee.answers(hangs_up_after=0.4))
    ended = await listener.ended()
    assert (ended.sip_status, ended.fault, ended.hung_up_by) == (200, None, Hangup.CUSTOMER)
    assert listener.kinds == ["Placed", "Ringing", "Answered", "Ended"]


async def test_an_answer_without_ringing(line: Line):
    listener = await call(line, Callee.answers(rings=None, hangs_up_after=0.2))
    await listener.ended()
    assert listener.kinds == ["Placed", "Answered", "Ended"]


async def test_we_hang_up(line: Line):
    listener = await call(line, Callee.answers())
    await listener.until(Answered)
    await listener.call.hangup()
    ended = await listener.ended()
    assert (ended.sip_status, ended.fault, ended.hung_up_by) == (200, None, Hangup.US)
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)
    assert far.hung_up_by is Hangup.US


async def test_an_answered_call_outlives_its_timers(line: Line):
    listener = await call(line, Callee.answers(hangs_up_after=1.6), ring_timeout=0.7)
    ended = await listener.ended()
    assert (ended.sip_status, ended.hung_up_by) == (200, Hangup.CUSTOMER)


async def test_the_sip_call_id_is_told_as_soon_as_it_is_known(line: Line):
    listener = await call(line, Callee.answers(hangs_up_after=0.2))
    placed, ringing = await listener.until(Placed), await listener.until(Ringing)
    answered, ended = await listener.until(Answered), await listener.ended()
    assert placed.call_id == ringing.call_id == answered.call_id == ended.call_id
    assert ended.call_id == (await line.call_to(CUSTOMER)).call_id


async def test_the_far_end_sees_who_calls_and_for_which_attempt(line: Line):
    known = await call(line, Callee.busy(), caller_id="+912261234567", attempt_id="7f3c")
    await known.ended()
    far = await line.call_to(CUSTOMER)
    assert (far.attempt_id, far.caller) == ("7f3c", "+912261234567")
    assert known.call.attempt_id == "7f3c"


@pytest.mark.parametrize(("username", "caller"), [("trunk7", "trunk7"), (None, "leadline")])
async def test_without_a_caller_id_the_account_calls(line: Line, username: str | None, caller: str):
    await (await call(line, Callee.busy(), account=Account(username, "secret" if username else None))).ended()
    assert (await line.call_to(CUSTOMER)).caller == caller


# Audio and keys


async def test_what_is_played_is_heard_whole(line: Line):
    listener = await call(line, Callee.answers())
    await listener.until(Answered)
    play_id = await listener.call.play(a_tone(3.0))
    assert await listener.until(PlayFinished) == PlayFinished(play_id, completed=True)
    await listener.call.hangup()
    await listener.ended()
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)
    assert speech_seconds(far.heard) == pytest.approx(3.0, abs=0.1)


async def test_plays_are_numbered_and_a_new_one_replaces_the_old(line: Line):
    listener = await call(line, Callee.answers())
    await listener.until(Answered)
    first = await listener.call.play(a_tone(20.0))
    second = await listener.call.play(a_tone(0.4))
    assert first != second
    assert await listener.until(PlayFinished) == PlayFinished(first, completed=False)
    assert await listener.until(PlayFinished) == PlayFinished(second, completed=True)
    await listener.call.hangup()
    await listener.ended()


async def test_a_play_that_the_end_cuts_off_is_not_completed(line: Line):
    listener = await call(line, Callee.answers(hangs_up_after=0.5))
    await listener.until(Answered)
    play_id = await listener.call.play(a_tone(20.0))
    await listener.ended()
    assert listener.heard[-2:-1] == [PlayFinished(play_id, completed=False)]


async def test_keys_arrive_in_order_and_once(line: Line):
    listener = await call(line, Callee.answers(Press("159#*0", seconds=0.1), Press("D", seconds=0.2), hangs_up_after=3))
    await listener.ended()
    digits = [event.digit for event in listener.heard if isinstance(event, Digit)]
    assert "".join(digits) == "159#*0D"


async def test_a_key_during_speech_lets_us_fall_silent(line: Line):
    barges_in = Press("1", seconds=0.5, moment=Moment.DURING_SPEECH)
    listener = await call(line, Callee.answers(barges_in, Press("2", seconds=1.5)))
    await listener.until(Answered)
    play_id = await listener.call.play(a_tone(20.0))
    assert await listener.until(Digit) == Digit("1")
    await listener.call.stop_playing()
    assert await listener.until(PlayFinished) == PlayFinished(play_id, completed=False)
    assert await listener.until(Digit) == Digit("2")
    await listener.call.hangup()
    await listener.ended()
    far = await line.call_to(CUSTOMER)
    await asyncio.wait_for(far.ended.wait(), 5)
    assert speech_seconds(far.heard) == pytest.approx(0.6, abs=0.4), "what was buffered has been said all the same"


async def test_a_customer_who_lets_us_finish_presses_after_it(line: Line):
    listener = await call(line, Callee.answers(Press("2", seconds=0.3, moment=Moment.AFTER_SPEECH)))
    await listener.until(Answered)
    await listener.call.play(a_tone(1.0))
    await listener.until(PlayFinished)
    assert await listener.until(Digit) == Digit("2")
    await listener.call.hangup()
    await listener.ended()


async def test_the_recording_holds_what_the_far_end_said(line: Line, tmp_path: Path):
    path = tmp_path / "call.wav"
    listener = await call(line, Callee.answers(says=a_tone(1.0), hangs_up_after=2.0))
    await listener.until(Answered)
    await listener.call.record(path)
    await listener.ended()
    samples = wav_samples(path)
    assert speech_seconds(samples) == pytest.approx(1.0, abs=0.15)
    assert len(samples) / 2 / SAMPLE_RATE == pytest.approx(2.0, abs=0.3)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(samples, "<i2").astype(float)))
    assert np.argmax(spectrum) * SAMPLE_RATE / (len(samples) / 2) == pytest.approx(400, abs=10)


async def test_silence_is_recorded_as_silence(line: Line, tmp_path: Path):
    path = tmp_path / "call.wav"
    listener = await call(line, Callee.answers(hangs_up_after=0.6))
    await listener.until(Answered)
    await listener.call.record(path)
    await listener.ended()
    assert loudness(wav_samples(path)) < 50


# Several calls, and the engine's own faults


async def test_two_calls_at_once_do_not_mix(line: Line):
    one = await call(line, Callee.answers(Press("1", seconds=0.2)), "1001")
    two = await call(line, Callee.answers(Press("2", seconds=0.2)), "1002")
    await asyncio.gather(one.until(Answered), two.until(Answered))
    await asyncio.gather(one.call.play(a_tone(1.0)), two.call.play(a_tone(0.5)))
    assert await asyncio.gather(one.until(Digit), two.until(Digit)) == [Digit("1"), Digit("2")]
    await asyncio.gather(one.until(PlayFinished), two.until(PlayFinished))
    assert line.engine.capacity.calls == 2
    for listener in (one, two):
        await listener.call.hangup()
        await listener.ended()
    assert line.engine.capacity.calls == 0
    for number, seconds in (("1001", 1.0), ("1002", 0.5)):
        far = await line.call_to(number)
        await asyncio.wait_for(far.ended.wait(), 5)
        assert speech_seconds(far.heard) == pytest.approx(seconds, abs=0.1)


async def test_twenty_short_calls_at_once_lose_no_event(line: Line):
    """Refusals and answers that come back before `dial` has returned: the race of trap 1."""
    refused = [await call(line, Callee.busy(), f"20{n}") for n in range(10)]
    answered = [await call(line, Callee.answers(hangs_up_after=0.1), f"30{n}") for n in range(10)]
    ended = await asyncio.gather(*(listener.ended() for listener in refused + answered))
    assert [end.sip_status for end in ended] == [486] * 10 + [200] * 10
    assert all(listener.kinds == ["Placed", "Ended"] for listener in refused)
    assert all(listener.kinds == ["Placed", "Ringing", "Answered", "Ended"] for listener in answered)
    assert line.engine.capacity.calls == 0


async def test_a_lost_engine_ends_its_calls_and_comes_back_by_itself(line: Line):
    ringing = await call(line, Callee.rings_for_ever(), "1001")
    talking = await call(line, Callee.answers(), "1002")
    await asyncio.gather(ringing.until(Ringing), talking.until(Answered))
    line.lose()
    ended = await asyncio.gather(ringing.ended(), talking.ended())
    assert [end.fault for end in ended] == [Fault.ENGINE_LOST] * 2
    assert not line.engine.available
    with pytest.raises(EngineUnavailable, match=r"\w+ \w+"):
        await line.engine.originate(an_invite(line.uri(CUSTOMER)))
    await soon(lambda: line.engine.available)
    again = await call(line, Callee.answers(hangs_up_after=0.1))
    assert (await again.ended()).sip_status == 200


async def test_commands_to_a_call_that_is_over_do_nothing(line: Line, tmp_path: Path):
    listener = await call(line, Callee.busy())
    await listener.ended()
    await listener.call.play(a_tone(0.1))
    await listener.call.stop_playing()
    await listener.call.record(tmp_path / "never.wav")
    await listener.call.hangup()
    assert not (tmp_path / "never.wav").exists()
    following = await call(line, Callee.answers(hangs_up_after=0.1))
    assert (await following.ended()).sip_status == 200


async def test_stop_ends_every_call_and_refuses_new_ones(line: Line):
    listeners = [await call(line, Callee.answers(), f"10{n}") for n in range(3)]
    listeners.append(await call(line, Callee.rings_for_ever(), "200"))
    await asyncio.gather(*(listener.until(Ringing) for listener in listeners))
    await asyncio.gather(*(listener.until(Answered) for listener in listeners[:3]))
    await asyncio.wait_for(line.engine.stop(), 10)
    ended = [await listener.ended() for listener in listeners]
    assert [end.hung_up_by for end in ended] == [Hangup.US] * 3 + [None]
    assert not line.engine.available
    for number in ("100", "101", "102", "200"):
        far = await line.call_to(number)
        await asyncio.wait_for(far.ended.wait(), 5)
    with pytest.raises(EngineUnavailable):
        await line.engine.originate(an_invite(line.uri(CUSTOMER)))


async def test_an_engine_can_be_started_again(line: Line):
    await line.engine.stop()
    await line.engine.start()
    assert line.engine.available
    listener = await call(line, Callee.busy())
    assert (await listener.ended()).sip_status == 486


# Credentials


async def test_credentials_are_given_when_asked_for(lines: Lines):
    async with lines(credentials=("acme", "s3cret pass")) as line:
        account = Account("acme", "s3cret pass")
        listener = await call(line, Callee.answers(hangs_up_after=0.1), account=account, caller_id="+4420")
        ended = await listener.ended()
        assert (ended.sip_status, ended.hung_up_by) == (200, Hangup.CUSTOMER)
        assert (await line.call_to(CUSTOMER)).caller == "+4420"


@pytest.mark.parametrize("account", [Account("acme", "wrong"), Account()], ids=["wrong", "none"])
async def test_wrong_credentials_end_with_the_refusal(lines: Lines, account: Account):
    async with lines(credentials=("acme", "s3cret")) as line:
        listener = await call(line, Callee.answers(), account=account)
        ended: Ended = await listener.ended()
        assert ended.sip_status in (401, 403)
        assert (ended.fault, ended.hung_up_by) == (None, None)


# Answers that no stack makes anything of


@pytest.mark.parametrize("rings", [None, 0.1], ids=["at once", "after it rang"])
@pytest.mark.parametrize("status", [300, 302, 380, 401, 407])
async def test_a_redirection_to_nowhere_and_a_demand_of_nothing_say_their_status(line: Line, status: int, rings: float):
    """3xx without Contact, 401 without a challenge: something did come back, and the trunk is not dead for it."""
    ended = await (await call(line, Callee.refuses(status, rings=rings))).ended()
    assert (ended.sip_status, ended.fault, ended.hung_up_by) == (status, None, None)
