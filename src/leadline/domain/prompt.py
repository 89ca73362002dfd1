"""Which audio a lead's flow needs: the text of each say, in which language and voice, and its name by content."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from leadline.domain.flow import Flow, Say
from leadline.domain.lead import Lead
from leadline.domain.policy import SpeechChoice
from leadline.domain.template import render

NAMES: Final = frozenset({"name", "fname", "lname"})
_SPOKEN_COLUMNS: Final = ("customercode", "leadnumber", "emailid", "mobilenumber", "language", "userlogin")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One piece of audio to be made."""

    text: str
    language: str
    voice: str | None
    engine: str

    @property
    def key(self) -> bytes:
        """The same words in the same voice have the same key, and are made once."""
        said = "\0".join((self.engine, self.language, self.voice or "", self.text))
        return sha256(said.encode("utf-8", "surrogatepass")).digest()


def prompts_of(flow: Flow, lead: Lead, speech: SpeechChoice) -> dict[str, Prompt]:
    """The prompt of every node that says something to this lead; a text that comes out empty is silence."""
    words = words_of(lead)
    prompts = {}
    for name, say in flow.says():
        language, template = _choose(say, lead.language or speech.language, speech.language)
        text = render(template, words)
        if text:
            prompts[name] = Prompt(text, language, speech.voice, speech.engine)
    return prompts


def words_of(lead: Lead) -> dict[str, Any]:
    """What a template may name: the lead's fields in lower case, then its own nodes over them."""
    words: dict[str, Any] = {name.strip().lower(): value for name, value in lead.fields.items()}
    words |= {name: getattr(lead, name) for name in _SPOKEN_COLUMNS}
    whole = lead.name or " ".join(part for part in (lead.fname, lead.lname) if part)
    return words | {"name": whole, "fname": lead.fname or lead.name, "lname": lead.lname}


def _choose(say: Say, wanted: str, default: str) -> tuple[str, str]:
    """The text for a language and the language it is spoken in: exact, then without its region, then the default's."""
    texts: Mapping[str, str] = {language.lower(): text for language, text in say.texts.items()}
    for language in (wanted, wanted.split("-")[0], default, default.split("-")[0]):
        if (text := texts.get(language.lower())) is not None:
            return (wanted if language == wanted.split("-")[0] else language), text
    if "" in texts:
        return wanted, texts[""]
    language, text = next(iter(say.texts.items()))
    return language, text
