"""Which espeak-ng voice speaks a language: read from the voices' own files, as they are installed.

A voice is a file under `lang/` that names its languages (BCP 47) with a priority, 5 if it says none, the lowest
first; a variant is a file under `voices/!v`, and colours any voice (`hi+f3`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leadline.domain.errors import SpeechImpossible

ALIASES: Final[Mapping[str, str]] = {"zh-hk": "yue", "zh-mo": "yue", "nn": "nb", "iw": "he", "in": "id"}
"""Tags that no voice file names, and the language that is meant."""

_DEFAULT_PRIORITY: Final = 5


@dataclass(frozen=True, slots=True)
class EspeakVoices:
    """The voices of an installation: by language, by their own names, and the variants, all in lower case."""

    languages: Mapping[str, str]
    names: Mapping[str, str]
    variants: Mapping[str, str]

    @classmethod
    def read(cls, data: Path) -> "EspeakVoices":
        """The voices under an `espeak-ng-data` directory; raises OSError if it cannot be read."""
        files = sorted(path for path in (data / "lang").rglob("*") if path.is_file())
        ranked = sorted(
            (priority, path.name.lower() != language, language, _identifier(path, data))
            for path in files
            for language, priority in _named_in(path)
        )
        languages: dict[str, str] = {}
        for _, _, language, identifier in ranked:
            languages.setdefault(language, identifier)
        return cls(
            languages,
            {
                name: _identifier(path, data)
                for path in files
                for name in (path.name.lower(), _identifier(path, data).lower())
            },
            {path.name.lower(): path.name for path in (data / "voices" / "!v").iterdir()},
        )

    def choose(self, language: str, voice: str | None) -> str:
        """The name under which espeak-ng knows a voice for this language; raises SpeechImpossible.

        `voice` is a variant (`f3`), a voice that takes the language's place (`en-us`), or both (`en-us+f3`).
        """
        name, _, variant = (voice or "").strip().lower().partition("+")
        if name in self.variants and name not in self.names and not variant:
            name, variant = "", name
        chosen = self._named(name) if name else self._speaking(language)
        if not variant:
            return chosen
        if variant not in self.variants:
            raise SpeechImpossible(
                f"espeak has no voice variant {variant!r}: leave speech.voice out, or write one of "
                f"{', '.join(sorted(self.variants)[:8])}, …"
            )
        return f"{chosen}+{self.variants[variant]}"

    def _named(self, name: str) -> str:
        found = self.names.get(name) or self.languages.get(name)
        if found is None:
            raise SpeechImpossible(
                f"espeak has no voice {name!r}: leave speech.voice out, or write a variant such as f3 "
                "or a voice such as en-us"
            )
        return found

    def _speaking(self, language: str) -> str:
        for tag in _widening(language):
            if (found := self.languages.get(ALIASES.get(tag, tag))) is not None:
                return found
        raise SpeechImpossible(
            f"espeak does not speak {language!r}: push a language that it knows (a BCP 47 tag such as en, hi or mr), "
            "or give the process another speech engine"
        )


def _widening(language: str) -> Iterator[str]:
    """The tag in lower case, then without its last subtag, and so on to the bare language."""
    subtags = language.strip().lower().replace("_", "-").split("-")
    for length in range(len(subtags), 0, -1):
        yield "-".join(subtags[:length])


def _identifier(path: Path, data: Path) -> str:
    return path.relative_to(data / "lang").as_posix()


def _named_in(path: Path) -> Iterator[tuple[str, int]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match line.partition("//")[0].split():
            case ["language", language, priority] if priority.isdecimal():
                yield language.lower(), int(priority)
            case ["language", language, *_]:
                yield language.lower(), _DEFAULT_PRIORITY
