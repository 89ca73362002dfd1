"""`leadline demo`, from outside: exit code, timeline, and WAVs with speech in them."""

import wave
from pathlib import Path

from acceptance.program import leadline
from leadline.telephony.phone.ear import speech_seconds


async def test_the_demo_calls_three_customers_in_three_languages(tmp_path: Path):
    code, out, err = await leadline("demo", "--out", str(tmp_path / "heard"))
    assert code == 0, (out, err)
    assert out.count("lead.closed") == 3
    assert out.count("lead.prompts_ready") == 3
    assert out.count("attempt.digit") == 3
    heard = {}
    for language in ("english", "hindi", "marathi"):
        with wave.open(str(tmp_path / "heard" / f"{language}.wav")) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8_000, 1, 2)
            heard[language] = file.readframes(file.getnframes())
        assert speech_seconds(heard[language]) > 1.5
        assert f"{language}.wav" in out
    assert len(set(heard.values())) == 3
