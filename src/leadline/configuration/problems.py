"""What is wrong with a configuration file: each fault with its place, all of them in one error."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from leadline.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault: where (line and column count from 1), of which key, and what would mend it."""

    line: int
    column: int
    path: str
    """The key from the root, `organisations[0].processes[1].flow`; empty for the file as a whole."""
    text: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.path + ': ' if self.path else ''}{self.text}"


class UnusableConfiguration(ConfigurationError):
    """The file has faults; `problems` holds every one, in the order of the file."""

    def __init__(self, file: Path, problems: Collection[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(f"{file}:{problem}" for problem in self.problems))


def suggestion(written: object, known: Collection[str]) -> str:
    """`did you mean 'servicekey'?`, or what there is, or that there is nothing."""
    folded = {name.casefold(): name for name in known}
    near = get_close_matches(str(written).casefold(), folded, n=1)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    return f"known here: {', '.join(sorted(known))}" if known else "there is none in this file"
