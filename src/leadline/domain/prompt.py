"""Which audio a lead's flow needs: the text of each say, in which language and voice, and its name by content."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from leadline.domain.flow import Flow
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


def prompts_of(flow: Flow | None, lead: Lead, speech: SpeechChoice | None) -> dict[str, Prompt]:
    """The prompt of every node that says something to this lead; a text that comes out empty is silence.

    A process without a flow, or without speech, says nothing.
    """
    if flow is None or speech is None:
        return {}
    words = words_of(lead)
    prompts = {}
    for name, say in flow.says():
        language, template = choose(say.texts, lead.language or speech.language, speech.language)
        if text := render(template, words):
            prompts[name] = Prompt(text, language, speech.voice, speech.engine)
    return prompts


def words_of(lead: Lead) -> dict[str, Any]:
    """What a template may name: the lead's fields in lower case, then its own nodes over them.

    A lead that was pushed with `name` alone is called by it where the text says `fname`; one that was pushed with
    `fname` and `lname` has both as its `name`.
    """
    words: dict[str, Any] = {name.strip().lower(): value for name, value in lead.fields.items()}
    words |= {name: getattr(lead, name) for name in _SPOKEN_COLUMNS}
    whole = lead.name or " ".join(part for part in (lead.fname, lead.lname) if part)
    return words | {"name": whole, "fname": lead.fname or lead.name, "lname": lead.lname}


def choose(texts: Mapping[str, str], wanted: str, default: str) -> tuple[str, str]:
    """The language that is spoken, and the text for it.

    A text of the wanted language is looked for: its own, its language's, or another region's; then one of the
    default's; then one for any language, spoken in the wanted one; then whatever there is.
    """
    written = {canonical(tag): text for tag, text in texts.items()}
    for language in (canonical(wanted), canonical(default)):
        base = language.split("-")[0]
        regional = next((tag for tag in written if base and tag.split("-")[0] == base), None)
        for tag in (language, base, regional):
            if tag and tag in written:
                return language, written[tag]
    if "" in written:
        return canonical(wanted), written[""]
    return next(iter(written.items()))


def canonical(tag: str) -> str:
    """A language tag as it is usually written (BCP 47, 2.1.1): `hi-IN`, `zh-Hans`; `HI_in` is the same language."""
    language, *subtags = tag.strip().replace("_", "-").split("-")
    shaped = (part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in subtags)  # noqa: PLR2004
    return "-".join((language.lower(), *shaped))
