"""What a push would do: the answers to a dry run, counted by what would become of each record."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from rich.table import Table

from leadline.cli.console import out
from leadline.cli.push.row import Fault, Row
from leadline.cli.push.tally import ACTIONS, REJECTED
from leadline.clock import Clock

SOON: Final = timedelta(minutes=1)
"""What is due within it is due now: the clock that says when is Leadline's, not ours."""
HOURS: Final = 12
"""How many hours of first legal times are shown one by one."""
EXAMPLES: Final = 10
"""How many refused rows are shown."""


class Forecast:
    """Counts over all batches of a dry run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._actions: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._hours: Counter[str] = Counter()
        self._rules: Counter[str] = Counter()
        self._dialable_now = self._speech = 0
        self._examples: list[tuple[Row, Fault]] = []

    @property
    def rejected(self) -> int:
        return self._actions[REJECTED]

    def add(self, results: Iterable[Mapping[str, Any]]) -> None:
        """The results of one request."""
        soon = self._clock.now() + SOON
        for result in results:
            self._actions[result["action"]] += 1
            if result["action"] != REJECTED:
                self._add_accepted(result, soon)

    def reject(self, refused: Iterable[tuple[Row, Fault]]) -> None:
        """Rows that would be refused."""
        for row, fault in refused:
            self._codes[fault.code] += 1
            if len(self._examples) < EXAMPLES:
                self._examples.append((row, fault))

    def refuse_unsent(self, number: int) -> None:
        """Rows that never were in a request."""
        self._actions[REJECTED] += number

    def _add_accepted(self, result: Mapping[str, Any], soon: datetime) -> None:
        self._speech += bool(result.get("needs_speech"))
        failed = [verdict["rule"] for verdict in result.get("verdicts", ()) if not verdict["passed"]]
        due_at = result.get("due_at")
        if not result.get("dialable"):
            self._rules[failed[0] if failed else result.get("code") or "dials nobody"] += 1
        elif due_at is None:
            self._rules[failed[0] if failed else "no time known"] += 1
        elif _moment(due_at) <= soon:
            self._dialable_now += 1
        else:
            local = _moment(result.get("due_at_local") or due_at)
            self._hours[f"{local:%Y-%m-%d %H}:00 {result.get('timezone') or 'UTC'}"] += 1

    def show(self) -> None:
        """The summary."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for action in ACTIONS:
            table.add_row(f"would be {action}", f"{self._actions[action]:,}")
        table.add_section()
        table.add_row("dialable now", f"{self._dialable_now:,}")
        for hour, times in sorted(self._hours.items())[:HOURS]:
            table.add_row(f"waits for {hour}", f"{times:,}")
        if len(self._hours) > HOURS:
            later = sum(times for _, times in sorted(self._hours.items())[HOURS:])
            table.add_row("waits for a later time", f"{later:,}")
        for rule, times in self._rules.most_common():
            table.add_row(f"not dialed: {rule}", f"{times:,}")
        for code, times in self._codes.most_common():
            table.add_row(f"rejected: {code}", f"{times:,}")
        table.add_row("speech to be made first", f"{self._speech:,}")
        out.print(table)
        for row, fault in self._examples:
            out.print(f"row {row.number}: {fault.code}: {fault.message}")
        out.print("nothing was stored")


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)
