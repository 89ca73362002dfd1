"""What the command line of `leadline simulate` says."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from leadline.configuration.problems import suggestion
from leadline.domain.errors import ConfigurationError
from leadline.domain.policy import Mode

LEADS: Final = "--leads"
AGENTS: Final = "--agents"
MOST_LEADS: Final = 5_000_000
MOST_AGENTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Counts:
    """A number for each process: its own, or everybody's."""

    everybody: int
    own: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, written: Sequence[str], option: str, default: int, most: int) -> "Counts":
        """What is written as N, and as SERVICEKEY=N; raises ConfigurationError."""
        everybody, own = default, {}
        for each in written:
            name, _, number = each.rpartition("=")
            if not number.isdecimal() or int(number) > most:
                raise ConfigurationError(
                    f"{option} {each}: {number!r} is no number up to {most:,}: "
                    f"write {option} 20, or {option} VoiceProcess=20 for one process"
                )
            if name:
                own[name] = int(number)
            else:
                everybody = int(number)
        return cls(everybody, own)

    def check(self, option: str, known: Collection[str]) -> None:
        """Raises ConfigurationError for a process that there is not."""
        for name in self.own:
            if name not in known:
                raise ConfigurationError(
                    f"{option} {name}={self.own[name]}: there is no process {name!r}; {suggestion(name, known)}"
                )

    def get(self, servicekey: str) -> int:
        return self.own.get(servicekey, self.everybody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options."""

    config: Path
    leads: Counts = Counts(1_000)
    agents: Counts = Counts(0)
    seed: int = 7
    processes: Sequence[str] = ()
    """None: all that call customers."""
    day: str | None = None
    until: str | None = None
    mode: Mode | None = None
    model: Path | None = None
    compare: Path | None = None
    sets: Sequence[str] = ()
    png: Path | None = None
    as_json: bool = False
