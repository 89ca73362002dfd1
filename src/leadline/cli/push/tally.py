"""What became of the records, counted, and shown as a table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.table import Table

from leadline.cli.console import out, say
from leadline.cli.push.row import Fault
from leadline.domain.upsert import Action

REJECTED: Final = "rejected"
ACTIONS: Final = (*(action.value for action in Action), REJECTED)
WARNINGS: Final = 5
"""How many are shown."""


@dataclass(slots=True)
class Tally:
    """Counts over all batches, those of earlier runs included."""

    counts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    """Of what was rejected."""
    warnings: dict[str, None] = field(default_factory=dict)

    def add(self, counts: Mapping[str, int], codes: Mapping[str, int]) -> None:
        self.counts.update(counts)
        self.codes.update(codes)

    def warn(self, warnings: list[str]) -> None:
        """Keep the first few, each once."""
        for warning in warnings:
            if len(self.warnings) <= WARNINGS:
                self.warnings[warning] = None

    @property
    def rejected(self) -> int:
        return self.counts[REJECTED]

    def show(self, *, records: int, seconds: float, rate: float) -> None:
        """The summary; records, seconds and rate are this run's."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        table.add_column()
        for action in ACTIONS:
            codes = ", ".join(f"{code} {times:,}" for code, times in self.codes.most_common())
            table.add_row(action, f"{self.counts[action]:,}", codes if action == REJECTED else "")
        table.add_row("seconds", f"{seconds:,.1f}", "")
        table.add_row("records/s", f"{rate:,.0f}", f"{records:,} records in this run")
        out.print(table)
        for warning in list(self.warnings)[:WARNINGS]:
            say(f"warning: {warning}")
        if len(self.warnings) > WARNINGS:
            say("warning: and more of them: see the push log")


def faults_of(answer: Mapping[str, Any]) -> dict[int, Fault]:
    """Why records of a push were rejected, by their place in it."""
    return {
        result["index"]: Fault(result["code"] or "", result["field"], result["message"] or "")
        for result in answer["results"]
        if result["action"] == REJECTED
    }
