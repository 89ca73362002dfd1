"""Which espeak-ng voice speaks a language."""

from pathlib import Path

import espeakng_loader
import pytest

from leadline.domain.errors import SpeechImpossible
from leadline.prompts.engines.espeak_voices import EspeakVoices


@pytest.fixture(scope="module")
def voices():
    return EspeakVoices.read(Path(espeakng_loader.get_data_path()))


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("hi", "inc/hi"), ("hi-IN", "inc/hi"), ("mr", "inc/mr"), ("mr-Deva-IN", "inc/mr"), ("ta", "dra/ta"),
        ("en", "gmw/en"), ("EN", "gmw/en"), ("en-GB", "gmw/en"), ("en_IN", "gmw/en"), ("en-US", "gmw/en-US"),
        ("fr", "roa/fr"), ("fr-FR", "roa/fr"), ("fr-CA", "roa/fr"), ("fr-CH", "roa/fr-CH"), ("es-MX", "roa/es-419"),
        ("pt-BR", "roa/pt-BR"), ("zh", "sit/cmn"), ("zh-CN", "sit/cmn"), ("zh-Hant-TW", "sit/cmn"),
        ("zh-HK", "sit/yue"), ("no", "gmq/nb"), ("nn-NO", "gmq/nb"), ("iw", "sem/he"), ("eu", "eu"),
    ],
)  # fmt: skip
def test_a_language_has_its_voice(voices, language, voice):
    assert voices.choose(language, None) == voice


@pytest.mark.parametrize(
    ("voice", "chosen"),
    [("f3", "inc/hi+f3"), ("F3", "inc/hi+f3"), ("Alicia", "inc/hi+Alicia"), ("en-us", "gmw/en-US"),
     ("gmw/en", "gmw/en"), ("en-US+klatt2", "gmw/en-US+klatt2"), ("en-gb", "gmw/en"),
     ("", "inc/hi"), (" ", "inc/hi"), ("+f2", "inc/hi+f2")],
)  # fmt: skip
def test_a_voice_colours_a_language_or_takes_its_place(voices, voice, chosen):
    assert voices.choose("hi", voice) == chosen


@pytest.mark.parametrize("language", ["", "-", "qq", "Hindi", "../../etc", "x-klingon"])
def test_an_unknown_language_is_refused_with_what_to_do(voices, language):
    with pytest.raises(SpeechImpossible, match="push a language"):
        voices.choose(language, None)


@pytest.mark.parametrize("voice", ["nobody", "en+nobody", "f3+f3", "../../etc/passwd"])
def test_an_unknown_voice_is_refused_with_what_to_do(voices, voice):
    with pytest.raises(SpeechImpossible, match=r"leave speech\.voice out"):
        voices.choose("en", voice)
