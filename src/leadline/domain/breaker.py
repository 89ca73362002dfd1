"""The circuit breaker of a trunk: one that fails is left alone for a while, then tried with a single call.

*Up* is a closed circuit, *down* an open one, *on trial* one that is half open. The circuit is one for all workers: what
brings it down each finds for itself, by what it has heard of the trunk; who is down for one is down for all, and one
of them tries it. The pattern is that of M. Nygard, *Release It!* (2007).

Calls bring a trunk down by the share of failures among the last ones, and sooner if nothing at all came back to several
in a row. Probes do by silence, which only counts of a trunk that has answered one before: not every carrier does.
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
UNHEARD: Final = 3
"""Calls to which nothing at all came back, one after another, that bring a trunk down."""
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
class Circuit:
    """A circuit that is open, for all workers; instants are seconds of a clock of ours that never goes back."""

    until: float
    """When the trunk may be tried."""
    pause: float
    """Seconds that it is left alone this time."""
    reason: str
    by_silence: bool = False
    """Whether it is down because probes are not answered: then one answer is enough."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What one worker knows of one trunk."""

    circuit: Circuit | None = None
    """None while the trunk is up."""
    failed: tuple[bool, ...] = ()
    """Of the last calls, whether each failed."""
    unheard: int = 0
    """Calls to which nothing at all came back, since something did."""
    answered: bool = False
    """Whether a probe of anybody's was ever answered."""
    deaf: bool = False
    """Whether the trunk does its work for others, or in calls, though it does not answer our probes."""
    silences: int = 0
    trial_until: float | None = None
    """Until when it is for us to try it."""
    trial: UUID | None = None
    """The attempt by which it is being tried."""

    @property
    def reason(self) -> str:
        """Why it is down."""
        return self.circuit.reason if self.circuit else ""

    def health(self, now: float) -> Health:
        """How the trunk stands."""
        if self.circuit is None:
            return Health.UP
        return Health.DOWN if now < self.circuit.until else Health.TRIAL

    def allows(self, now: float) -> int | None:
        """How many calls may be begun; None: any number."""
        if self.circuit is None:
            return None
        ours = self.trial_until is not None and now < self.trial_until and now >= self.circuit.until
        return 1 if ours and self.trial is None else 0

    def tries(self, until: float) -> "Breaker":
        """It is for us to try the trunk, until then."""
        return replace(self, trial_until=until)

    def began(self, attempt: UUID, now: float) -> "Breaker":
        """A call was begun: the trial, if there is to be one."""
        return replace(self, trial=attempt) if self.allows(now) == 1 else self

    def carried(self, attempt: UUID) -> "Breaker":
        """A call was answered: a trial need not end, however long they talk, for the trunk to be up."""
        return self.up() if self.circuit is not None and attempt == self.trial else self

    def ended(self, attempt: UUID, outcome: Outcome | None, now: float, *, unheard: bool = False) -> "Breaker":
        """A call has ended; None if nobody knows how. `unheard`: nothing at all came back to it."""
        if self.circuit is not None:
            return self._tried(self.circuit, outcome, now) if attempt == self.trial else self
        if outcome is None or outcome is Outcome.UNKNOWN:
            return self
        failed = (*self.failed, outcome in FAILURES)[-LOOKED_AT:]
        told = replace(
            self,
            failed=failed,
            unheard=self.unheard + 1 if unheard else 0,
            silences=self.silences if failed[-1] else 0,
        )
        if told.unheard >= UNHEARD:
            return told.down(f"nothing at all came back to {told.unheard} calls in a row", now)
        if len(failed) >= LEAST and sum(failed) >= FAILING * len(failed):
            return told.down(f"{sum(failed)} of the last {len(failed)} calls failed, the last as {outcome}", now)
        return told

    def probed(self, now: float, *, answered: bool) -> "Breaker":
        """A probe was answered, whatever the answer said, or was not."""
        if answered:
            up = self.circuit is None or self.circuit.by_silence
            return replace(self, circuit=None if up else self.circuit, answered=True, deaf=False, silences=0)
        told = replace(self, silences=self.silences + 1)
        if self.deaf or not self.answered or told.silences < SILENCES or self.circuit is not None:
            return told
        return told.down(f"{told.silences} OPTIONS in a row were not answered", now, by_silence=True)

    def told(self, circuit: Circuit | None, *, answered: bool, ours: bool) -> "Breaker":
        """What is known to all: the circuit, whether probes were ever answered, and whether the trial is ours."""
        known = replace(self, answered=self.answered or answered)
        if circuit is None:
            return known if self.circuit is None else known.up()
        if ours:
            return replace(known, circuit=circuit)
        return replace(known, circuit=circuit, failed=(), unheard=0, trial=None, trial_until=None)

    def up(self) -> "Breaker":
        """The circuit is closed by another word than an answer to our probe: what was counted begins anew."""
        return Breaker(answered=self.answered, deaf=self.circuit is not None and self.circuit.by_silence)

    def down(self, reason: str, now: float, *, pause: float = 0.0, by_silence: bool = False) -> "Breaker":
        """The circuit is opened, for twice as long as the last time."""
        longer = min(LONGEST_PAUSE, pause * 2 or FIRST_PAUSE)
        circuit = Circuit(now + longer, longer, reason, by_silence)
        return Breaker(circuit, answered=self.answered, deaf=self.deaf, silences=self.silences)

    def _tried(self, circuit: Circuit, outcome: Outcome | None, now: float) -> "Breaker":
        if outcome is None or outcome is Outcome.UNKNOWN or outcome in FAILURES:
            reason = f"the call by which it was tried ended as {outcome or 'a fault of ours'}"
            return self.down(reason, now, pause=circuit.pause, by_silence=circuit.by_silence)
        return self.up()
