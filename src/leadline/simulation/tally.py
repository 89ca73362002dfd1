"""What is counted of a process while the simulation runs; times are seconds since its beginning."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from leadline.domain.attempt import Outcome
from leadline.domain.lead import ClosedReason
from leadline.domain.vendor import CallType
from leadline.simulation.trunks import STRETCH, Load

Counted = TypeVar("Counted")


@dataclass(slots=True)
class Tally:
    """Counts, and lists of how long was waited."""

    leads: int = 0
    pushed: int = 0
    """Of the leads, those that came during the day."""
    attempts: Counter[Outcome] = field(default_factory=Counter)
    closed: Counter[ClosedReason] = field(default_factory=Counter)
    dispositions: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    """Of those who were put through, until then."""
    late: dict[CallType, list[float]] = field(default_factory=dict)
    """From when a customer wanted to be called to the INVITE."""
    unserved: int = 0
    """Who were to be put through to somebody, and nobody came."""
    abandoned: int = 0
    promised: int = 0
    refused: int = 0
    """Customers who asked not to be called."""
    first: float | None = None
    last_closed: float = 0.0
    calls: Counter[int] = field(default_factory=Counter)
    """By the stretch of the day, as those below."""
    answered: Counter[int] = field(default_factory=Counter)
    gone: Counter[int] = field(default_factory=Counter)
    """Abandoned."""
    load: Load = field(default_factory=Load)

    def invite(self, at: float) -> None:
        self.first = at if self.first is None else self.first
        self.calls[int(at // STRETCH)] += 1
        self.load.invited(at)

    def hang_up(self, outcome: Outcome, disposition: str | None) -> None:
        self.attempts[outcome] += 1
        self.load.up -= 1
        if disposition is not None:
            self.dispositions[disposition] += 1

    def answer(self, at: float) -> None:
        self.answered[int(at // STRETCH)] += 1

    def abandon(self, at: float) -> None:
        self.abandoned += 1
        self.gone[int(at // STRETCH)] += 1

    def close(self, reason: ClosedReason, at: float) -> None:
        self.closed[reason] += 1
        self.last_closed = at

    def reached(self, calltype: int, seconds: float) -> None:
        """Who wanted to be called is, so many seconds after that."""
        self.late.setdefault(CallType(calltype), []).append(seconds)


def total(tallies: Iterable[Tally], load: Load) -> Tally:
    """All processes together; `load` is that of their trunks."""
    each = list(tallies)
    late: dict[CallType, list[float]] = {}
    for calltype, seconds in chain.from_iterable(one.late.items() for one in each):
        late.setdefault(calltype, []).extend(seconds)
    return Tally(
        leads=sum(one.leads for one in each),
        pushed=sum(one.pushed for one in each),
        attempts=_together(one.attempts for one in each),
        closed=_together(one.closed for one in each),
        dispositions=_together(one.dispositions for one in each),
        waits=[wait for one in each for wait in one.waits],
        late=late,
        unserved=sum(one.unserved for one in each),
        abandoned=sum(one.abandoned for one in each),
        promised=sum(one.promised for one in each),
        refused=sum(one.refused for one in each),
        first=min((one.first for one in each if one.first is not None), default=None),
        last_closed=max((one.last_closed for one in each), default=0.0),
        calls=_together(one.calls for one in each),
        answered=_together(one.answered for one in each),
        gone=_together(one.gone for one in each),
        load=load,
    )


def _together(counters: Iterable[Counter[Counted]]) -> Counter[Counted]:
    counted: Counter[Counted] = Counter()
    for counter in counters:
        counted.update(counter)
    return counted
