"""Who is to be called: leads with valid numbers, those there at the start and those that come during the day."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count, islice
from random import Random
from typing import Final

import phonenumbers

from leadline.domain.lead import Lead, LeadState
from leadline.domain.phone import parse_number, zones_of
from leadline.domain.vendor import CallType, Media
from leadline.simulation.model import by_hour
from leadline.simulation.timeline import Timeline

BLOCK: Final = 1_000
"""Numbers of one neighbourhood, which are in the zones of its first."""
HOUR: Final = 3_600.0
Numbers = Iterator[tuple[str, str | None]]
"""A number in E.164, and the zone that it is in, if that is one."""


def numbers(region: str) -> Numbers:
    """Valid mobile numbers of a region, each once."""
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None or not example.country_code or not example.national_number:
        raise ValueError(f"no numbers of region {region} are known")
    zones: tuple[str, ...] = ()
    read = (parse_number(f"+{example.country_code}{written}", region) for written in count(example.national_number))
    valid = (number.e164 for number in read if number is not None and number.region == region)
    for made, e164 in enumerate(valid):
        if made % BLOCK == 0:
            zones = zones_of(e164)
        yield e164, zones[0] if len(zones) == 1 else None


class People:
    """The leads of one process, made one after the other."""

    def __init__(self, numbers: Numbers, process: int, organisation: int, first: int) -> None:
        """`first` is the id of the first."""
        self._numbers, self._process, self._organisation = numbers, process, organisation
        self._ids = count(first)

    def lead(self, calltype: CallType, now: datetime) -> Lead:
        """A customer who is to be called, from now on."""
        number, zone = next(self._numbers)
        return Lead.new(
            {"mobilenumber": number, "number": number, "number_key": number},
            organisation_id=self._organisation,
            id=next(self._ids),
            process_id=self._process,
            media=int(Media.VOICE_OUT),
            calltype=int(calltype),
            asked_calltype=int(calltype),
            state=LeadState.SCHEDULED,
            timezone=zone,
            due_at=now,
            fields={},
            scheduled_by=now,
            created_at=now,
            updated_at=now,
        )


def leads(region: str, most: int, now: datetime) -> Iterator[Lead]:
    """Fresh leads that are due now, each with a valid mobile number of the region."""
    people = People(numbers(region), 1, 1, 1)
    return islice(iter(lambda: people.lead(CallType.FRESH, now), None), most)


class Arrivals:
    """Pushes of one call type that come by chance, so many an hour by the hour of the day."""

    def __init__(self, rates: Mapping[int, float], zone: str, line: Timeline, random: Random) -> None:
        self._rates = [by_hour(rates, hour) for hour in range(24)]
        self._most = max(self._rates)
        self._zone, self._line, self._random = zone, line, random

    def next(self, ends: float) -> float | None:
        """Seconds until the next comes; None if none does before the day ends."""
        if self._most <= 0.0:
            return None
        at = self._line.at
        while at < ends:
            # Thinned from the busiest hour's (Lewis and Shedler, Naval Research Logistics 26:3, 1979).
            at += self._random.expovariate(self._most / HOUR)
            if self._random.random() * self._most < self._rates[self._line.hour(self._zone, at)]:
                return at - self._line.at if at < ends else None
        return None
