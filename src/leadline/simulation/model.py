"""What is assumed of customers and agents: how often they answer, how long they ring and talk; with every default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import log, sqrt
from random import Random
from typing import Final

from leadline.domain.attempt import Outcome
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.vendor import CallType

NO_KEY: Final = "none"
HANG_UP: Final = "hang_up"


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
    awaited: float = 0.75
    """Share answered of the calls that customers have asked for: callbacks, and hot leads."""
    listed: Mapping[DoNotCallList, float] = field(default_factory=lambda: {DoNotCallList.ORGANISATION: 0.01})
    """Share of the customers who stand on a do-not-call list, beside those that the configuration names."""
    pushed: Mapping[CallType, Mapping[int, float]] = field(default_factory=dict)
    """Leads an hour that come during the day, from this hour of the organisation's day on to the next that is named."""
    spoken: float = 14.0
    """Characters of a flow's text that are spoken in a second."""
    message: Times = Times(25.0)
    """How long a prompt is whose text is not known: of a process that has no such flow in its configuration."""
    keys: Mapping[str, float] = field(
        default_factory=lambda: {"1": 0.10, "2": 0.05, "9": 0.01, NO_KEY: 0.59, HANG_UP: 0.25}
    )
    """What a customer presses who is asked, as weights; what the question does not list is asked again."""
    gathers: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    """The same for one gather of a flow, by the flow's name and the node's."""
    thinks: Times = Times(2.0)
    """From the end of a question to the key, or to the hanging up; no key in time is none."""
    preview: Times = Times(20.0)
    """How long an agent looks at a preview before dialing."""
    talk: Times = Times(180.0, spread=0.9)
    wrap_up: Times = Times(30.0, Shape.EXPONENTIAL)
    breaks: Times | None = None
    """How long an agent works between two breaks, which begin whatever they are reserved for; None: no breaks."""
    pause: Times = Times(600.0, Shape.FIXED)
    """How long a break is."""

    def answer_rate(self, hour: int) -> float:
        """The share that answers in this hour of the customer's day."""
        return by_hour(self.answered, hour)


def by_hour(named: Mapping[int, float], hour: int) -> float:
    """What holds in an hour: what its own or the last one before it says; before the first, what the last one says."""
    begun = [each for each in named if each <= hour]
    return named[max(begun or named)]
