"""The customers of a simulation: what each does when the phone rings, and who is not to be called at all."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from leadline.domain.attempt import Outcome
from leadline.domain.do_not_call import DoNotCallList
from leadline.simulation.model import Model

MOST: Final = 10_000_000
"""More than there are customers of a process, or attempts on one: each attempt has a stream of its own."""


@dataclass(slots=True)
class Reaction:
    """What one call comes to."""

    outcome: Outcome
    rings: float
    """Seconds to the answer, or to the end without one."""
    previewed: float = 0.0
    listens: float = 0.0
    talks: float = 0.0
    wraps_up: float = 0.0


class Customers:
    """Draws from streams of their own for each attempt on each customer, so that two settings meet the same people."""

    def __init__(self, model: Model, seed: int, ring_timeout: timedelta) -> None:
        self._model = model
        self._seed = seed
        self._ring_timeout = ring_timeout.total_seconds()
        self._rates = [model.answer_rate(hour) for hour in range(24)]
        self._outcomes = list(model.unanswered)
        self._weights = list(model.unanswered.values())
        self._random = Random()  # noqa: S311  (a simulation is to be repeatable)

    def react(self, customer: int, attempt: int, hour: int, *, awaited: bool = False) -> Reaction:
        """What comes of a customer's nth attempt in an hour of their day, or of one that they have asked for."""
        model, random = self._model, self._random
        random.seed(self._stream(customer, attempt))
        previewed = model.preview.draw(random)
        # A number that is not valid is found to be so when it is first dialed.
        if attempt == 1 and random.random() < model.invalid:
            return Reaction(Outcome.INVALID_NUMBER, self._refused(), previewed=previewed)
        if random.random() >= (model.awaited if awaited else self._rates[hour]):
            (outcome,) = random.choices(self._outcomes, self._weights)
            silent = outcome is Outcome.NO_ANSWER
            return Reaction(outcome, self._ring_timeout if silent else self._refused(), previewed=previewed)
        rings = model.ring.draw(random)
        if rings >= self._ring_timeout:
            return Reaction(Outcome.NO_ANSWER, self._ring_timeout, previewed=previewed)
        return Reaction(
            Outcome.ANSWERED,
            rings,
            previewed=previewed,
            listens=model.message.draw(random),
            talks=model.talk.draw(random),
            wraps_up=model.wrap_up.draw(random),
        )

    def listed(self, customer: int) -> DoNotCallList | None:
        """The do-not-call list that a customer stands on from the start, if any."""
        shares = self._model.listed
        if not any(shares.values()):
            return None
        self._random.seed(self._stream(customer, 0))
        drawn = self._random.random()
        for on, share in shares.items():
            if drawn < share:
                return on
            drawn -= share
        return None

    def keys(self, customer: int, attempt: int) -> Random:
        """What the keys are drawn from that a customer presses on a call."""
        return Random(-self._stream(customer, attempt) - 1 << 1 | 1)  # noqa: S311  (a simulation is to be repeatable)

    def _stream(self, customer: int, attempt: int) -> int:
        return (self._seed * MOST + customer) * MOST + attempt

    def _refused(self) -> float:
        return min(self._model.refusal.draw(self._random), self._ring_timeout)
