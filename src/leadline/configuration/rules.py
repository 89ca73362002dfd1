"""Rules of a process as they are written: `holidays`, `limits` and `schedule`."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from leadline.configuration.base import Document
from leadline.configuration.calling_hours import CallingHoursDocument
from leadline.configuration.values import Day, Duration, Name, between
from leadline.domain.policy import Holiday, Limit, Limits, Schedule


class HolidayDocument(Document):
    """A date, or `{date, name}`."""

    date: Day
    name: Name | None = None

    def holiday(self) -> Holiday:
        return Holiday(self.date, self.name)


def _named(value: object) -> object:
    return value if isinstance(value, Mapping) else {"date": value}


def _each_once(holidays: list[HolidayDocument]) -> list[HolidayDocument]:
    for earlier, later in pairwise(sorted(holidays, key=_date)):
        if earlier.date == later.date:
            raise ValueError(f"{later.date} is there twice; write each holiday once")
    return holidays


def _date(holiday: HolidayDocument) -> date:
    return holiday.date


HolidayEntry = Annotated[HolidayDocument, BeforeValidator(_named)]
EachOnce = AfterValidator(_each_once)


def holidays(documents: list[HolidayDocument]) -> Iterator[Holiday]:
    """The holidays, in the order of their dates."""
    yield from (document.holiday() for document in sorted(documents, key=_date))


Most = Annotated[int, Field(ge=1, le=1_000)]


class LimitDocument(Document):
    """Attempts of a day, and of seven days."""

    day: Most | None = None
    week: Most | None = None

    def limit(self) -> Limit:
        return Limit(self.day, self.week)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.day is not None and self.week is not None and self.week < self.day:
            raise ValueError(f"a week of {self.week} attempts never has a day of {self.day}; lower day or raise week")
        return self


class LimitsDocument(Document):
    """`limits`: how often one lead and one number are tried, and how soon again; what is left out is not limited."""

    per_lead: LimitDocument = LimitDocument()
    per_number: LimitDocument = LimitDocument()
    gap: Annotated[Duration, between("1s", "7d")] | None = None

    def limits(self) -> Limits:
        return Limits(self.per_lead.limit(), self.per_number.limit(), self.gap)


class ScheduleDocument(Document):
    """`schedule`: the days from which and up to which a process works, and its hours, by the organisation's clock."""

    begins: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    hours: CallingHoursDocument | None = None

    def schedule(self, timezone: str) -> Schedule:
        return Schedule(timezone, self.begins, self.until, self.hours.hours() if self.hours else None)

    @model_validator(mode="after")
    def _goes_forward(self) -> Self:
        if self.begins is not None and self.until is not None and self.until < self.begins:
            raise ValueError(f"it ends on {self.until}, before it begins on {self.begins}; give until a later day")
        return self
