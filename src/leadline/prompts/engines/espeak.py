"""espeak-ng as a speech engine: over a hundred languages, no network, in a process of its own."""

import asyncio
from functools import cached_property
from pathlib import Path
from typing import Final

import espeakng_loader
import structlog

from leadline.domain.errors import SpeechImpossible, SpeechUnavailable
from leadline.domain.prompt import Prompt
from leadline.prompts.engines.espeak_child import ChildLost, EspeakChild
from leadline.prompts.engines.espeak_frames import Failed, Say, Spoken
from leadline.prompts.engines.espeak_voices import EspeakVoices
from leadline.telephony.engine import Pcm

log = structlog.get_logger()

START_SECONDS: Final = 20.0
"""How long the process may take to load, on a machine that is busy."""
SPEAK_SECONDS: Final = 20.0
"""How long one prompt may take: a hundred times what the longest takes."""
TRIES: Final = 2
"""How often a prompt is asked for when the process dies over it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two tries to start a process that does not come up; it doubles."""


class EspeakEngine:
    """Speaks through one supervised process, which is started anew whenever it is found dead."""

    name = "espeak"
    at_once = 4

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._child: EspeakChild | None = None
        self._stopped = False
        self._pause = FIRST_PAUSE
        self._not_before = 0.0
        self._fault = ""

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(self._voices.languages)

    @property
    def pid(self) -> int | None:
        """The process that speaks, None while there is none."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        self._stopped = False
        async with self._turn:
            try:
                await self._living()
            except SpeechUnavailable as error:
                log.error("speech cannot start yet, trying again", engine=self.name, reason=str(error))  # noqa: TRY400

    async def stop(self) -> None:
        self._stopped = True
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    async def speak(self, prompt: Prompt) -> Pcm:
        say = Say(self._chosen(prompt), _speakable(prompt.text))
        async with self._turn:
            for _ in range(TRIES):
                child = await self._living()
                try:
                    async with asyncio.timeout(SPEAK_SECONDS):
                        said = await child.ask(say)
                except ChildLost:
                    log.warning("the espeak process died over a prompt", pid=child.pid)
                    await self._discard()
                except TimeoutError:
                    await self._discard()
                    raise SpeechUnavailable(
                        f"espeak took longer than {SPEAK_SECONDS:g} s over a prompt and was ended: it is asked again "
                        "later; give the machine more room, or reword the text"
                    ) from None
                except BaseException:
                    # Its answer would be taken for that to the next prompt.
                    await self._discard()
                    raise
                else:
                    return _audio(said)
            raise SpeechUnavailable(
                f"espeak died {TRIES} times over the same prompt: it is tried again later, or reword it"
            )

    @cached_property
    def _voices(self) -> EspeakVoices:
        try:
            return EspeakVoices.read(Path(espeakng_loader.get_data_path()))
        except (OSError, RuntimeError) as error:
            raise SpeechUnavailable(
                f"espeak's voices cannot be read ({error}): install espeakng-loader anew"
            ) from error

    def _chosen(self, prompt: Prompt) -> str:
        return self._voices.choose(prompt.language, prompt.voice)

    async def _living(self) -> EspeakChild:
        """The process, started anew if there is none; to be asked for in turn."""
        if self._child is not None and self._child.alive:
            return self._child
        await self._discard()
        now = asyncio.get_running_loop().time()
        if self._stopped:
            raise SpeechUnavailable("espeak has been stopped: Leadline is going down")
        if now < self._not_before:
            raise SpeechUnavailable(self._fault)
        try:
            self._child = await EspeakChild.start(START_SECONDS)
        except SpeechUnavailable as error:
            self._not_before, self._fault = now + self._pause, str(error)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            raise
        self._pause = FIRST_PAUSE
        return self._child

    async def _discard(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.kill()


def _speakable(text: str) -> str:
    """Text that UTF-8 and C can carry: half a surrogate pair and NUL have no sound."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _audio(said: object) -> Pcm:
    match said:
        case Spoken(audio):
            return audio
        case Failed(reason):
            raise SpeechImpossible(f"{reason}: choose another voice, or reword the text")
        case _:
            raise SpeechUnavailable("espeak answered out of turn: it is asked again later")
