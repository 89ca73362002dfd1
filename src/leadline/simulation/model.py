"""What is assumed of customers and agents: how often they answer, how long they ring and talk; with every default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import log, sqrt
from random import Random

from leadline.domain.attempt import Outcome


class Shape(StrEnum):
    """How lengths of time are spread about their mean."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"
    """Memoryless, as Erlang's formulas assume."""
    LOGNORMAL = "lognormal"
    """As calls are measured to be: many short ones, few very long."""


@dataclass(frozen=True, slots=True)
class Times:
    """Lengths of time with this mean in seconds; `spread` is the standard deviation of a lognormal one, by the mean."""

    mean: float
    shape: Shape = Shape.LOGNORMAL
    spread: float = 0.5

    def draw(self, random: Random) -> float:
        """One of them, in seconds."""
        mean = self.mean
        if mean <= 0.0 or self.shape is Shape.FIXED:
            return mean
        if self.shape is Shape.EXPONENTIAL:
            return random.expovariate(1.0 / mean)
        variance = log(1.0 + self.spread**2)
        return random.lognormvariate(log(mean) - variance / 2.0, sqrt(variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """All that is assumed; hours are of the customer's own day."""

    answered: Mapping[int, float] = field(
        default_factory=lambda: {0: 0.05, 8: 0.18, 10: 0.22, 13: 0.25, 17: 0.32, 20: 0.28, 22: 0.10}
    )
    """Share of the calls that are answered, from this hour on to the next that is named."""
    unanswered: Mapping[Outcome, float] = field(
        default_factory=lambda: {
            Outcome.NO_ANSWER: 0.70,
            Outcome.BUSY: 0.15,
            Outcome.REJECTED: 0.10,
            Outcome.FAILED: 0.03,
            Outcome.CONGESTION: 0.02,
        }
    )
    """What becomes of the others, as weights."""
    invalid: float = 0.02
    """Share of the customers whose number nobody has."""
    ring: Times = Times(9.0)
    """From the INVITE to the answer; where it takes longer than the ring timeout, nobody answered."""
    refusal: Times = Times(4.0)
    """From the INVITE to any other final answer."""
    greeting: timedelta = timedelta(seconds=1)
    """What a customer says when they answer."""
    message: Times = Times(25.0)
    """How long a customer listens to the flow of a message process, or to what is said to one who is abandoned."""
    preview: Times = Times(20.0)
    """How long an agent looks at a preview before dialing."""
    talk: Times = Times(180.0, spread=0.9)
    wrap_up: Times = Times(30.0, Shape.EXPONENTIAL)
    breaks: Times | None = None
    """How long an agent works between two breaks, which begin whatever they are reserved for; None: no breaks."""
    pause: Times = Times(600.0, Shape.FIXED)
    """How long a break is."""

    def answer_rate(self, hour: int) -> float:
        """The share that answers in this hour of the customer's day; before the first hour named, the last one's."""
        begun = [named for named in self.answered if named <= hour]
        return self.answered[max(begun or self.answered)]
