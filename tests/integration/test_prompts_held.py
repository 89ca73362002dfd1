"""What keeps a lead at 10500, how it is said, and that every lead goes on when the cause is gone."""

import asyncio
from datetime import date, timedelta

import pytest

from builders import NOON
from leadline.domain.errors import SpeechImpossible, SpeechUnavailable
from leadline.domain.lead import LeadState
from leadline.domain.policy import SpeechChoice
from leadline.prompts.engines.fake import FakeSpeech
from leadline.prompts.line import Line
from prompt_room import SlowSpeech, a_flow

SCHEDULED, AWAITING = LeadState.SCHEDULED, LeadState.AWAITING_PROMPT
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def fake():
    return FakeSpeech()


class Broken(FakeSpeech):
    """Fails over anything said to Asha."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    async def speak(self, prompt):
        if "Asha" in prompt.text:
            raise self.error
        return await super().speak(prompt)


# The subscription


async def test_without_a_subscription_a_lead_waits_and_goes_on_when_it_is_renewed(room, fake):
    await room.organisation(tts_until=date(2026, 11, 23))
    (lead,) = await room.waiting()
    async with room.speaking(fake):
        await room.is_held(lead, "tts_subscription")
        held = await room.lead(lead)
        assert (held.state, held.due_at) == (AWAITING, NOON)
        room.pass_time(HOUR)
        await room.is_due(lead, {"prompt": NOON + 2 * HOUR})
        ((kind, data),) = await room.events(lead)
        assert (kind, data["rule"], data["until"]) == ("lead.held", "tts_subscription", "2026-11-24T07:30:00Z")
        assert "ended on 2026-11-23" in data["reason"]
        assert fake.spoken == []
        await room.organisation(tts_until=date(2026, 12, 31))
        room.stage.wake()
        await room.becomes(lead, SCHEDULED)
    assert (await room.lead(lead)).held_by is None
    assert (await room.events(lead))[1] == ("lead.prompts_ready", {"prompts": 1, "late": 3600.0})


async def test_a_subscription_that_was_renewed_while_leadline_was_down_is_noticed_at_its_start(room, fake):
    await room.organisation(tts_until=None)
    (lead,) = await room.waiting()
    async with room.speaking(fake):
        await room.is_held(lead, "tts_subscription")
    await room.organisation()
    async with room.speaking(fake):
        await room.becomes(lead, SCHEDULED)


async def test_the_last_day_of_a_subscription_counts_to_its_end_in_the_organisations_time(room, fake):
    await room.organisation(tts_until=date(2026, 11, 24))
    (lead,) = await room.waiting()
    room.clock.time = NOON + 11 * HOUR + 59 * MINUTE
    async with room.speaking(fake):
        await room.becomes(lead, SCHEDULED)
        room.clock.time = NOON + 12 * HOUR
        (late,) = await room.waiting({"fname": "Ravi"})
        await room.is_held(late, "tts_subscription")


# The engine


async def test_an_engine_that_is_away_is_asked_again_after_a_growing_pause_and_said_once(room, fake):
    fake.fail(5)
    (lead,) = await room.waiting()
    pauses = []
    async with room.speaking(fake):
        await room.is_held(lead, "speech_unavailable")
        for _ in range(5):
            await room.is_settled(lead)
            again_at = (await room.due(lead))["prompt"]
            pauses.append((again_at - room.clock.time).total_seconds())
            tries = len(fake.spoken)
            room.pass_time(again_at - room.clock.time - SECOND / 2)
            await asyncio.sleep(0.1)
            assert len(fake.spoken) == tries, "it must not be asked before its time"
            room.pass_time(SECOND / 2)
            async with asyncio.timeout(5):
                while len(fake.spoken) == tries:
                    await asyncio.sleep(0.01)
        await room.becomes(lead, SCHEDULED)
    assert pauses == [1.0, 1.0, 2.0, 4.0, 8.0]
    failed, *rest = await room.events(lead)
    reason = "the fake engine was told to fail: wait until it has"
    assert failed == ("lead.prompt_failed", {"reason": reason, "again_at": "2026-11-24T06:30:01Z"})
    assert [kind for kind, _ in rest] == ["lead.prompts_ready", "lead.scheduled"]
    assert (await room.lead(lead)).held_by is None


async def test_the_pause_is_a_minute_at_most(room, fake):
    fake.fail(1)
    (lead,) = await room.waiting({"held_by": "speech_unavailable", "updated_at": NOON - HOUR})
    async with room.speaking(fake):
        await room.is_due(lead, {"prompt": NOON + MINUTE})


async def test_one_leads_failure_is_no_others(room):
    failing, fine = await room.waiting({}, {"fname": "Ravi"})
    async with room.speaking(Broken(SpeechUnavailable("not that name: wait"))):
        await room.becomes(fine, SCHEDULED)
        await room.is_held(failing, "speech_unavailable")


async def test_an_engine_with_a_fault_of_its_own_stops_nothing(room):
    failing, fine = await room.waiting({}, {"fname": "Ravi"})
    async with room.speaking(Broken(ZeroDivisionError("oops"))):
        await room.becomes(fine, SCHEDULED)
        await room.is_held(failing, "speech_unavailable")
    assert "ZeroDivisionError('oops')" in (await room.events(failing))[0][1]["reason"]


async def test_an_engine_that_is_slow_holds_up_no_other(room, fake):
    slow = SlowSpeech("slow")
    other = await room.process("Slow", speech=SpeechChoice(engine="slow"))
    (waiting,) = await room.waiting({"process_id": other})
    async with room.speaking(slow, fake):
        await slow.asked.wait()
        (lead,) = await room.waiting()
        await room.becomes(lead, SCHEDULED)
        assert (await room.lead(waiting)).state is AWAITING


# What no engine can ever speak


async def test_what_can_never_be_spoken_waits_for_the_configuration(room, fake):
    await room.process(flow=a_flow(**{"": "Hello {{ fname }}"}))
    (lead,) = await room.waiting({"language": "tlh"})
    async with room.speaking(fake):
        await room.is_held(lead, SpeechImpossible.code)
        assert await room.due(lead) == {"prompt": NOON + HOUR}
        ((kind, data),) = await room.events(lead)
        assert kind == "lead.prompt_failed"
        assert "does not speak 'tlh'" in data["reason"]
        await room.process(flow=a_flow(en="Hello {{ fname }}"))
        room.stage.wake()
        await room.becomes(lead, SCHEDULED)


async def test_it_is_looked_at_again_each_hour_and_said_once(room, fake):
    await room.process(flow=a_flow(**{"": "Hello {{ fname }}"}))
    (lead,) = await room.waiting({"language": "tlh"})
    async with room.speaking(fake):
        for hours in (1, 2, 3):
            await room.is_due(lead, {"prompt": NOON + hours * HOUR})
            room.pass_time(HOUR)
    assert len(await room.events(lead)) == 1


async def test_a_line_that_begins_late_leaves_alone_what_another_has_judged(room, fake):
    await room.process(flow=a_flow(**{"": "Hello {{ fname }}"}))
    (lead,) = await room.waiting({"language": "tlh"})
    async with room.speaking(fake):
        await room.is_due(lead, {"prompt": NOON + HOUR})
    for hot, due_at in ((True, NOON + HOUR), (False, NOON)):
        late = Line(room.database, room.clock, lambda: room.catalogue, lambda _: True, None, hot=hot)
        async with room.database.connection() as connection:
            await late._release(connection, room.catalogue, room.catalogue.processes.values())
        assert await room.due(lead) == {"prompt": due_at}


async def test_a_push_mends_a_lead_that_could_not_be_spoken(room, fake):
    await room.process(flow=a_flow(**{"": "Hello {{ fname }}"}))
    (lead,) = await room.waiting({"language": "tlh"})
    async with room.speaking(fake):
        await room.is_held(lead, SpeechImpossible.code)
        await room.change(lead, language="hi")
        await room.becomes(lead, SCHEDULED)


async def test_an_engine_that_is_not_here_is_named(room, fake):
    await room.process(speech=SpeechChoice(engine="polly"))
    (lead,) = await room.waiting()
    async with room.speaking(fake):
        await room.is_held(lead, SpeechImpossible.code)
    assert "'polly'" in (await room.events(lead))[0][1]["reason"]


async def test_a_process_that_speaks_no_more_lets_its_leads_go(room, fake):
    (lead,) = await room.waiting()
    await room.process(speech=None)
    async with room.speaking(fake):
        await room.becomes(lead, SCHEDULED)
    assert (await room.events(lead))[0] == ("lead.prompts_ready", {"prompts": 0})
    assert fake.spoken == []
