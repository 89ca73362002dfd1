"""The customers of a simulation: leads with valid numbers, and what each does when the phone rings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

import phonenumbers

from leadline.domain.attempt import Outcome
from leadline.domain.lead import Lead, LeadState
from leadline.domain.phone import parse_number, zones_of
from leadline.domain.vendor import CallType, Media
from leadline.simulation.model import Model

BLOCK: Final = 1_000
"""Numbers of one neighbourhood, which are in the zones of its first."""
_MOST: Final = 10_000_000
"""More than there are customers, or attempts on one: each attempt has a number of its own."""


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

    def react(self, customer: int, attempt: int, hour: int) -> Reaction:
        """What comes of a customer's nth attempt in an hour of their day."""
        model, random = self._model, self._random
        random.seed((self._seed * _MOST + customer) * _MOST + attempt)
        previewed = model.preview.draw(random)
        # A number that is not valid is found to be so when it is first dialed.
        if attempt == 1 and random.random() < model.invalid:
            return Reaction(Outcome.INVALID_NUMBER, self._refused(), previewed=previewed)
        if random.random() >= self._rates[hour]:
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

    def _refused(self) -> float:
        return min(self._model.refusal.draw(self._random), self._ring_timeout)


def leads(region: str, count: int, now: datetime) -> Iterator[Lead]:
    """Fresh leads that are due now, each with a valid mobile number of the region."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None or not example.country_code or not example.national_number:
        raise ValueError(f"no numbers of region {region} are known")
    written, made = example.national_number, 0
    zones: tuple[str, ...] = ()
    while made < count:
        number = parse_number(f"+{example.country_code}{written}", region)
        written += 1
        if number is None or number.region != region:
            continue
        if made % BLOCK == 0:
            zones = zones_of(number.e164)
        made += 1
        yield Lead.new(
            {"mobilenumber": number.e164, "number": number.e164, "number_key": number.e164},
            organisation_id=1,
            id=made,
            process_id=1,
            media=int(Media.VOICE_OUT),
            calltype=int(CallType.FRESH),
            asked_calltype=int(CallType.FRESH),
            state=LeadState.SCHEDULED,
            timezone=zones[0] if len(zones) == 1 else None,
            due_at=now,
            fields={},
            scheduled_by=now,
            created_at=now,
            updated_at=now,
        )
