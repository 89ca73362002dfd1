"""10500 until the audio is there, then the call type's number: on a real database, with the fake engine and espeak."""

import asyncio
from datetime import timedelta

import pytest

from builders import NOON
from leadline.domain.lead import ClosedReason, LeadState
from leadline.domain.policy import SpeechChoice
from leadline.domain.prompt import Prompt, prompts_of
from leadline.prompts.engines.espeak import EspeakEngine
from leadline.prompts.engines.fake import FakeSpeech
from leadline.prompts.line import LEASE
from leadline.store import leads as lead_store
from leadline.store import prompts
from prompt_room import SlowSpeech, a_flow

SCHEDULED, AWAITING = LeadState.SCHEDULED, LeadState.AWAITING_PROMPT
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def fake():
    return FakeSpeech()


async def test_a_lead_leaves_10500_when_its_audio_is_there(room, fake):
    (lead,) = await room.waiting()
    async with room.speaking(fake):
        await room.becomes(lead, SCHEDULED)
    assert [(p.text, p.language, p.engine) for p in fake.spoken] == [("Hello Asha", "en", "fake")]
    assert await room.events(lead) == [
        ("lead.prompts_ready", {"prompts": 1}),
        ("lead.scheduled", {"due_at": "2026-11-24T06:30:00Z"}),
    ]
    assert await room.due(lead) == {"call": NOON}
    async with room.database.connection() as connection:
        audio = await prompts.audio(connection, 1, [fake.spoken[0].key])
    assert len(audio[fake.spoken[0].key]) > 8_000


async def test_a_push_wakes_the_stage(room, fake):
    async with room.speaking(fake):
        await asyncio.sleep(0.1)
        (lead,) = await room.waiting()
        await room.becomes(lead, SCHEDULED)


async def test_lateness_is_recorded_and_a_time_to_come_is_kept(room, fake):
    late, early = await room.waiting({"due_at": NOON - timedelta(seconds=90)}, {"due_at": NOON + HOUR, "fname": "Ravi"})
    async with room.speaking(fake):
        await room.becomes(late, SCHEDULED)
        await room.becomes(early, SCHEDULED)
    assert (await room.events(late))[0] == ("lead.prompts_ready", {"prompts": 1, "late": 90.0})
    assert (await room.events(early))[0] == ("lead.prompts_ready", {"prompts": 1})
    assert (await room.due(late), await room.due(early)) == (
        {"call": NOON - timedelta(seconds=90)},
        {"call": NOON + HOUR},
    )


async def test_each_lead_is_spoken_to_in_its_own_language(room, fake):
    english, hindi = await room.waiting({}, {"language": "hi-IN", "fname": "आशा"})
    async with room.speaking(fake):
        await room.becomes(english, SCHEDULED)
        await room.becomes(hindi, SCHEDULED)
    assert {(p.text, p.language) for p in fake.spoken} == {("Hello Asha", "en"), ("नमस्ते आशा", "hi-IN")}


async def test_the_same_words_are_made_once_for_a_thousand_leads(room, fake):
    made = await room.waiting(*({"fname": ["Asha", "Ravi"][n % 2]} for n in range(1_000)))
    async with room.speaking(fake):
        for lead in made:
            await room.becomes(lead, SCHEDULED)
    assert sorted(p.text for p in fake.spoken) == ["Hello Asha", "Hello Ravi"]
    assert await room.rows("select from due where kind = 'prompt'") == []


async def test_two_workers_lose_nothing_and_say_everything_once(room, fake):
    made = await room.waiting(*({"fname": f"Asha {n}"} for n in range(300)))
    other = FakeSpeech()
    async with room.speaking(other), room.speaking(fake):
        for lead in made:
            await room.becomes(lead, SCHEDULED)
    assert len(fake.spoken) + len(other.spoken) == 300
    assert fake.spoken
    assert other.spoken
    assert await room.rows("select lead_id from event group by lead_id, kind having count(*) > 1") == []


async def test_hot_leads_go_before_all_others(room, fake):
    await room.waiting(*({"fname": f"Fresh {n}"} for n in range(200)))
    await room.waiting({"calltype": 5, "fname": "Hot", "updated_at": NOON})
    (last,) = await room.waiting({"fname": "Last"})
    async with room.speaking(fake):
        await room.becomes(last, SCHEDULED)
    order = [p.text for p in fake.spoken]
    assert order.index("Hello Hot") < 100


async def test_a_hot_lead_does_not_wait_for_a_slow_engines_batch(room):
    slow = SlowSpeech()
    (fresh,) = await room.waiting({"fname": "Fresh"})
    async with room.speaking(slow):
        await slow.asked.wait()
        slow.asked.clear()
        (hot,) = await room.waiting({"fname": "Hot", "calltype": 5})
        await asyncio.wait_for(slow.asked.wait(), 2)
        slow.let.set()
        await room.becomes(hot, SCHEDULED)
        await room.becomes(fresh, SCHEDULED)


async def test_nobody_is_called_by_an_old_name(room):
    slow = SlowSpeech()
    (lead,) = await room.waiting()
    async with room.speaking(slow):
        await slow.asked.wait()
        await room.change(lead, fname="Usha")
        slow.let.set()
        await room.becomes(lead, SCHEDULED)
    assert [p.text for p in slow.spoken] == ["Hello Asha", "Hello Usha"]
    assert [kind for kind, _ in await room.events(lead)] == ["lead.prompts_ready", "lead.scheduled"]


async def test_a_flow_that_changes_while_it_is_spoken_is_spoken_anew(room):
    slow = SlowSpeech()
    (lead,) = await room.waiting()
    async with room.speaking(slow):
        await slow.asked.wait()
        await room.process(flow=a_flow(en="Good day {{ fname }}"))
        slow.let.set()
        await room.becomes(lead, SCHEDULED)
    assert [p.text for p in slow.spoken] == ["Hello Asha", "Good day Asha"]


async def test_a_lead_that_closes_while_it_is_spoken_for_stays_closed(room):
    slow = SlowSpeech()
    (lead,) = await room.waiting()
    async with room.speaking(slow):
        await slow.asked.wait()
        await room.change(lead, state=LeadState.CLOSED, closed_reason=ClosedReason.CANCELLED, due_at=None)
        slow.let.set()
        await room.until(lambda: room.rows("select from prompt"))
        (next_lead,) = await room.waiting({"fname": "Ravi"})
        await room.becomes(next_lead, SCHEDULED)
    assert (await room.lead(lead)).state is LeadState.CLOSED
    assert await room.events(lead) == []


async def test_the_audio_is_made_while_nothing_is_locked(room):
    slow = SlowSpeech()
    (lead,) = await room.waiting()
    async with room.speaking(slow):
        await slow.asked.wait()
        async with room.database.transaction() as connection:
            await connection.execute("set local lock_timeout = '1ms'")
            await lead_store.get(connection, 1, lead.id, lock=True)
            await connection.execute("select from due for update")
        slow.let.set()
        await room.becomes(lead, SCHEDULED)


async def test_a_batch_whose_process_was_killed_is_taken_again(room, fake):
    killed = SlowSpeech()
    (lead,) = await room.waiting()
    async with room.speaking(killed):
        await killed.asked.wait()
    async with room.speaking(fake):
        await asyncio.sleep(0.1)
        assert fake.spoken == []
        room.pass_time(LEASE)
        await room.becomes(lead, SCHEDULED)


# What it costs to wait


async def test_an_idle_stage_asks_the_database_nothing(room, fake, monkeypatch):
    gone = await room.process("Gone")
    expired, retired = await room.waiting({"expires_at": NOON - SECOND}, {"process_id": gone, "fname": "Ravi"})
    await room.execute("update process set retired_at = $1 where id = $2", NOON, gone)
    await room.reread()
    async with room.speaking(fake):
        await room.is_due(expired, {"prompt": NOON + HOUR, "expiry": NOON - SECOND})
        await asyncio.sleep(0.2)
        asked = []
        connection = room.database.connection
        monkeypatch.setattr(room.database, "connection", lambda: asked.append(1) or connection())
        await asyncio.sleep(1)
        assert asked == []
        monkeypatch.undo()
    assert fake.spoken == []
    assert (await room.lead(retired)).state is AWAITING


async def test_a_database_that_goes_away_is_waited_for(room):
    slow = SlowSpeech()
    (lead,) = await room.waiting()
    async with room.speaking(slow):
        await slow.asked.wait()
        await room.execute(
            """select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )
        slow.let.set()
        room.pass_time(LEASE)
        await room.becomes(lead, SCHEDULED)


# The real engine


async def test_espeak_speaks_to_three_customers_in_their_languages(room):
    flow = a_flow(en="Hello {{ fname }}", hi="नमस्ते {{ fname }}", mr="नमस्कार {{ fname }}")
    await room.process(flow=flow, speech=SpeechChoice(engine="espeak"))
    made = await room.waiting({}, {"fname": "आशा", "language": "hi"}, {"fname": "सचिन", "language": "mr"})
    engine = EspeakEngine()
    async with room.speaking(engine):
        for lead in made:
            await room.becomes(lead, SCHEDULED)
    await engine.stop()
    wanted: list[Prompt] = [p for lead in made for p in prompts_of(flow, lead, SpeechChoice(engine="espeak")).values()]
    async with room.database.connection() as connection:
        audio = await prompts.audio(connection, 1, [prompt.key for prompt in wanted])
    assert sorted(len(pcm) > 6_000 for pcm in audio.values()) == [True] * 3
