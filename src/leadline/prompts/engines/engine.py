"""What every speech engine does: one prompt in, one piece of audio out.

An engine holds no rule: what is to be said, in which language, and what becomes of a lead whose audio cannot be
made, is decided outside.
"""

from typing import Protocol

from leadline.domain.prompt import Prompt
from leadline.telephony.engine import Pcm


class SpeechEngine(Protocol):
    """A thing that speaks."""

    @property
    def name(self) -> str:
        """What a process's `speech.engine` calls it."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it speaks, as BCP 47 tags in lower case; a region it does not know falls back to its
        language, so that `en` stands for `en-IN` too."""
        ...

    @property
    def at_once(self) -> int:
        """How many prompts it is worth asking for at the same time."""
        ...

    async def start(self) -> None:
        """Make ready. Raises nothing: an engine that cannot come up says so in the log and in answer to each
        prompt, and tries again by itself."""
        ...

    async def stop(self) -> None:
        """Give up what is being made, and leave no process behind; may be called twice."""
        ...

    async def speak(self, prompt: Prompt) -> Pcm:
        """The prompt's audio, trimmed of silence, without clipping, or an error within the time of the engine's own.

        Raises `SpeechUnavailable` if another try may help, `SpeechImpossible` if none can (an unknown language or
        voice); both say what to do.
        """
        ...
