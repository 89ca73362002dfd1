"""Whether the embedded speech engine can say what a flow wants said, known before any lead waits for it."""

from functools import cache
from pathlib import Path

import espeakng_loader

from leadline.domain.errors import SpeechImpossible
from leadline.prompts.engines.espeak_voices import EspeakVoices


def unspeakable(language: str, voice: str | None = None) -> str | None:
    """Why there is no voice for this, if there is none."""
    voices = _voices()
    if voices is None:
        return None
    try:
        voices.choose(language, voice)
    except SpeechImpossible as error:
        return str(error)
    return None


@cache
def _voices() -> EspeakVoices | None:
    """The voices installed; None if they cannot be read, which the engine says better when it starts."""
    try:
        return EspeakVoices.read(Path(espeakng_loader.get_data_path()))
    except (OSError, RuntimeError):
        return None
