"""The circuit breaker of a trunk: one that fails is left alone for a while, then tried with a single call.

*Up* is a closed circuit, *down* an open one, *on trial* one that is half open. Calls that fail bring a trunk down by
their share of the last ones, probes by silence, which only counts after a probe has once been answered: not every
carrier answers OPTIONS. The pattern is that of M. Nygard, *Release It!* (2007).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from leadline.domain.attempt import Outcome

LOOKED_AT: Final = 20
"""Calls whose share of failures is looked at, the last ones."""
LEAST: Final = 10
"""Calls that must have ended before a share says anything."""
FAILING: Final = 0.8
"""The share of failures that brings a trunk down."""
SILENCES: Final = 3
"""Probes without an answer, one after another, that bring a trunk down."""
FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 300.0
"""Seconds that a trunk is down before it is tried: doubling from the one to the other with each failed trial."""
FAILURES: Final = frozenset({Outcome.FAILED, Outcome.CONGESTION})
"""Outcomes that speak against a trunk; `unknown` speaks of ourselves."""


class Health(StrEnum):
    """How a trunk stands."""

    UP = "up"
    DOWN = "down"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one trunk; instants are seconds of a clock that never goes back."""

    failed: tuple[bool, ...] = ()
    """Of the last calls, whether each failed."""
    answered: bool = False
    """Whether a probe was ever answered."""
    silences: int = 0
    down_until: float | None = None
    pause: float = 0.0
    by_silence: bool = False
    """Whether it is down because probes are not answered: then one answer is enough."""
    trial: UUID | None = None
    """The attempt by which it is being tried."""
    reason: str = ""
    """Why it is down."""

    def health(self, now: float) -> Health:
        """How the trunk stands."""
        if self.down_until is None:
            return Health.UP
        return Health.DOWN if now < self.down_until else Health.TRIAL

    def allows(self, now: float) -> int | None:
        """How many calls may be begun; None: any number."""
        match self.health(now):
            case Health.UP:
                return None
            case Health.DOWN:
                return 0
            case Health.TRIAL:
                return 0 if self.trial else 1

    def began(self, attempt: UUID, now: float) -> "Breaker":
        """A call was begun: the trial, if there is to be one."""
        return replace(self, trial=attempt) if self.allows(now) == 1 else self

    def ended(self, attempt: UUID, outcome: Outcome | None, now: float) -> "Breaker":
        """A call has ended; None if nobody knows how."""
        if self.down_until is not None:
            return self._tried(outcome, now) if attempt == self.trial else self
        if outcome is None or outcome is Outcome.UNKNOWN:
            return self
        failed = (*self.failed, outcome in FAILURES)[-LOOKED_AT:]
        silences = self.silences if failed[-1] else 0
        if len(failed) < LEAST or sum(failed) < FAILING * len(failed):
            return replace(self, failed=failed, silences=silences)
        return self._down(f"{sum(failed)} of the last {len(failed)} calls failed, the last as {outcome}", now)

    def probed(self, now: float, *, answered: bool) -> "Breaker":
        """A probe was answered, whatever the answer said, or was not."""
        if answered:
            return Breaker(self.failed, answered=True) if self.by_silence else replace(self, answered=True, silences=0)
        silences = self.silences + 1
        if not self.answered or silences < SILENCES or self.down_until is not None:
            return replace(self, silences=silences)
        down = self._down(f"{silences} OPTIONS in a row were not answered", now)
        return replace(down, silences=silences, by_silence=True)

    def _tried(self, outcome: Outcome | None, now: float) -> "Breaker":
        if outcome is None or outcome is Outcome.UNKNOWN or outcome in FAILURES:
            return replace(self._down(f"the call by which it was tried ended as {outcome or 'a fault of ours'}", now),
                           by_silence=self.by_silence)  # fmt: skip
        return Breaker()

    def _down(self, reason: str, now: float) -> "Breaker":
        pause = min(LONGEST_PAUSE, self.pause * 2 or FIRST_PAUSE)
        return Breaker(answered=self.answered, down_until=now + pause, pause=pause, reason=reason)
