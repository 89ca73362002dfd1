"""What every speech engine does, asked of each that is shipped; and what espeak's process does when it is killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from leadline.domain.errors import SpeechImpossible, SpeechUnavailable
from leadline.domain.prompt import Prompt
from leadline.prompts.engines.espeak import EspeakEngine
from leadline.prompts.engines.fake import FakeSpeech
from leadline.telephony.engine import SAMPLE_RATE

GREETING = "Hello Asha, press 1 to talk to us, 2 to be called later."
HINDI = "नमस्ते आशा। बात करने के लिए 1 दबाएँ।"
MARATHI = "नमस्कार सचिन, आमच्याशी बोलण्यासाठी 1 दाबा."
VOICES = {"espeak": "f3", "fake": "high"}


@pytest.fixture(params=[EspeakEngine, FakeSpeech])
async def engine(request):
    engine = request.param()
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def espeak():
    engine = EspeakEngine()
    await engine.start()
    yield engine
    await engine.stop()


def a_prompt(text=GREETING, language="en", voice=None):
    return Prompt(text, language, voice, "any")


def samples(pcm):
    assert len(pcm) % 2 == 0
    return np.frombuffer(pcm, "<i2").astype(float)


def likeness(one, other):
    """How alike two pieces of speech are, 1 at most: their lengths, and where their energy lies by pitch.

    espeak-ng never says a thing twice to the sample: it lets the voice flutter.
    """
    spectra = []
    for pcm in (one, other):
        power = np.abs(np.fft.rfft(samples(pcm), 2**18)) ** 2
        bands = np.sqrt(power[: 2**17].reshape(256, -1).sum(1))
        spectra.append(bands / np.linalg.norm(bands))
    return float(spectra[0] @ spectra[1]) * min(len(one), len(other)) / max(len(one), len(other))


ALIKE = 0.95


async def test_speech_has_energy_and_does_not_clip(engine):
    heard = samples(await engine.speak(a_prompt()))
    assert np.sqrt((heard**2).mean()) > 1_000
    assert 4_000 < np.abs(heard).max() <= 0.91 * 32_767


async def test_speech_is_as_long_as_its_text(engine):
    short = samples(await engine.speak(a_prompt("Hello.")))
    long = samples(await engine.speak(a_prompt(GREETING)))
    assert 0.2 * SAMPLE_RATE < len(short) < 0.5 * len(long)
    assert 2 * SAMPLE_RATE < len(long) < 6 * SAMPLE_RATE


async def test_each_language_sounds_different(engine):
    said = [await engine.speak(a_prompt("1 2 3", language)) for language in ("en", "hi", "mr")]
    assert max(likeness(one, other) for one, other in combinations(said, 2)) < ALIKE


async def test_devanagari_is_spoken(engine):
    for language, text in (("hi", HINDI), ("mr", MARATHI)):
        heard = samples(await engine.speak(a_prompt(text, language)))
        assert len(heard) > SAMPLE_RATE
        assert np.sqrt((heard**2).mean()) > 500


async def test_no_more_silence_is_sent_than_makes_a_pause(engine):
    loud = np.flatnonzero(np.abs(heard := samples(await engine.speak(a_prompt()))) > 200)
    assert loud[0] < 0.05 * SAMPLE_RATE
    assert len(heard) - loud[-1] < 0.15 * SAMPLE_RATE


async def test_the_same_prompt_is_the_same_audio(engine):
    assert likeness(await engine.speak(a_prompt()), await engine.speak(a_prompt())) > ALIKE


async def test_a_region_falls_back_to_its_language(engine):
    there, here = [await engine.speak(a_prompt(HINDI, language)) for language in ("hi-IN", "hi")]
    assert likeness(there, here) > ALIKE
    assert {"en", "hi", "mr"} <= engine.languages


async def test_a_voice_may_be_chosen(engine):
    assert likeness(await engine.speak(a_prompt(voice=VOICES[engine.name])), await engine.speak(a_prompt())) < ALIKE


@pytest.mark.parametrize("unknown", [{"language": "tlh-QQ"}, {"voice": "no such voice"}])
async def test_an_unknown_language_or_voice_can_never_be_spoken(engine, unknown):
    with pytest.raises(SpeechImpossible, match=r"(push|leave)"):
        await engine.speak(a_prompt(**unknown))
    assert await engine.speak(a_prompt())


@pytest.mark.parametrize(
    "text", ["…", "x", "a\0b", "\ud800", "😀", "<speak><break time='9s'/></speak>", "[[h@l'oU]] &amp; {{ fname }}"]
)
async def test_whatever_a_customer_is_called_is_some_audio(engine, text):
    assert samples(await engine.speak(a_prompt(text))).size


async def test_prompts_asked_for_at_once_get_each_their_own(engine):
    texts = ["Hello. " * n for n in range(1, 9)]
    together = await asyncio.gather(*(engine.speak(a_prompt(text)) for text in texts))
    alone = [await engine.speak(a_prompt(text)) for text in texts]
    assert min(map(likeness, together, alone)) > ALIKE
    assert sorted(map(len, together)) == list(map(len, together))


async def test_a_caller_that_gives_up_leaves_the_engine_in_order(engine):
    long = asyncio.create_task(engine.speak(a_prompt(GREETING * 40)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    long.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await long
    heard = samples(await engine.speak(a_prompt("Hello.")))
    assert len(heard) < 2 * SAMPLE_RATE


async def test_a_stopped_engine_says_so_and_may_be_started_again(engine):
    await engine.stop()
    await engine.stop()
    with pytest.raises(SpeechUnavailable):
        await engine.speak(a_prompt())
    await engine.start()
    assert await engine.speak(a_prompt())


async def test_the_fake_fails_as_often_as_it_is_told():
    engine = FakeSpeech()
    await engine.start()
    engine.fail(2)
    for _ in range(2):
        with pytest.raises(SpeechUnavailable):
            await engine.speak(a_prompt())
    assert await engine.speak(a_prompt())


# espeak's process


async def test_a_killed_process_is_replaced_and_no_prompt_is_lost(espeak):
    before = await espeak.speak(a_prompt())
    killed = espeak.pid
    os.kill(killed, signal.SIGKILL)
    assert likeness(await espeak.speak(a_prompt()), before) > ALIKE
    assert espeak.pid != killed


async def test_a_process_killed_over_a_prompt_is_asked_once_more(espeak):
    killed = espeak.pid
    os.kill(killed, signal.SIGSTOP)
    speaking = asyncio.create_task(espeak.speak(a_prompt()))
    await asyncio.sleep(0.05)
    assert not speaking.done()
    os.kill(killed, signal.SIGKILL)
    assert samples(await speaking).size > SAMPLE_RATE
    assert espeak.pid != killed


async def test_a_prompt_that_kills_every_process_is_given_up_and_the_next_is_spoken(espeak, monkeypatch):
    from leadline.prompts.engines.espeak_child import ChildLost, EspeakChild  # noqa: PLC0415

    asked = EspeakChild.ask

    async def die(child, say):
        if say.text == "deadly":
            os.kill(child.pid, signal.SIGKILL)
            await child._process.wait()
            raise ChildLost
        return await asked(child, say)

    monkeypatch.setattr(EspeakChild, "ask", die)
    with pytest.raises(SpeechUnavailable, match="reword"):
        await espeak.speak(a_prompt("deadly"))
    assert await espeak.speak(a_prompt())


async def test_a_process_that_hangs_is_ended(espeak, monkeypatch):
    monkeypatch.setattr("leadline.prompts.engines.espeak.SPEAK_SECONDS", 0.1)
    hanging = espeak.pid
    os.kill(hanging, signal.SIGSTOP)
    with pytest.raises(SpeechUnavailable, match="longer than"):
        await espeak.speak(a_prompt())
    assert not Path(f"/proc/{hanging}").exists()
    assert await espeak.speak(a_prompt())


async def test_a_library_that_cannot_be_loaded_is_said_and_not_tried_at_every_prompt(monkeypatch):
    started = []

    async def refuse(*command, **options):
        started.append(command)
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    engine = EspeakEngine()
    await engine.start()
    for _ in range(3):
        with pytest.raises(SpeechUnavailable, match="Cannot allocate memory"):
            await engine.speak(a_prompt())
    assert len(started) == 1
    monkeypatch.undo()
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(SpeechUnavailable):
                assert await engine.speak(a_prompt())
                break
            await asyncio.sleep(0.05)
    await engine.stop()


async def test_the_process_dies_with_its_parent():
    program = (
        "import asyncio\n"
        "from leadline.prompts.engines.espeak import EspeakEngine\n"
        "async def main():\n"
        "    engine = EspeakEngine()\n"
        "    await engine.start()\n"
        "    print(engine.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    async with asyncio.timeout(5):
        while _runs(child):
            await asyncio.sleep(0.01)


def _runs(pid):
    """Whether it runs; a zombie that nobody has reaped (no init in a container) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
