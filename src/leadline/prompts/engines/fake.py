"""A speech engine without speech, for tests and simulation: a tone per prompt, as long as the text would take."""

import math
from array import array
from hashlib import sha256
from typing import Final

from leadline.domain.errors import LeadlineError, SpeechImpossible, SpeechUnavailable
from leadline.domain.prompt import Prompt
from leadline.telephony.engine import SAMPLE_RATE, Pcm

SECONDS_PER_CHARACTER: Final = 0.06
LEVEL: Final = 8_000


class FakeSpeech:
    """Each language has a pitch of its own; `fail` makes the next prompts fail."""

    at_once = 4

    def __init__(self, name: str = "fake", languages: frozenset[str] = frozenset({"en", "hi", "mr"})) -> None:
        self.name = name
        self.languages = languages
        self.spoken: list[Prompt] = []
        """Every prompt that was asked for, in order, also those that failed."""
        self._failures: list[LeadlineError] = []
        self._stopped = True

    def fail(self, times: int, error: LeadlineError | None = None) -> None:
        """Have the next `times` prompts fail, with SpeechUnavailable unless another error is given."""
        self._failures = [error or SpeechUnavailable("the fake engine was told to fail: wait until it has")] * times

    async def start(self) -> None:
        self._stopped = False

    async def stop(self) -> None:
        self._stopped = True

    async def speak(self, prompt: Prompt) -> Pcm:
        if self._stopped:
            raise SpeechUnavailable("the fake engine is not running: start it")
        self.spoken.append(prompt)
        if self._failures:
            raise self._failures.pop()
        language = prompt.language.lower().split("-")[0]
        if language not in self.languages:
            raise SpeechImpossible(f"the fake engine does not speak {prompt.language!r}: push another language")
        if prompt.voice not in (None, "low", "high"):
            raise SpeechImpossible(f"the fake engine has no voice {prompt.voice!r}: leave it out, or write low or high")
        pitch = 300 + sha256(language.encode()).digest()[0] * 4 * (2 if prompt.voice == "high" else 1)
        samples = int(max(1, len(prompt.text)) * SECONDS_PER_CHARACTER * SAMPLE_RATE)
        turn = 2 * math.pi * pitch / SAMPLE_RATE
        return array("h", (int(LEVEL * math.sin(turn * n)) for n in range(samples))).tobytes()
