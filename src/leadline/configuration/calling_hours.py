"""Calling hours as they are written: `{default: "09:00-21:00", days: [mon, fri], sat: "10:00-14:00", sun: null}`."""

import re
from datetime import time, timedelta
from itertools import pairwise
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from leadline.configuration.base import Document
from leadline.domain.policy import DAYS, CallingHours, Window

_WINDOW: Final = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", re.ASCII)
_WHOLE_DAY: Final = 24 * 60


def windows(value: object) -> tuple[Window, ...]:
    """`09:00-13:00, 14:00-18:00`, in order of opening; one may go past midnight."""
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is no window of time; write it in quotes: "09:00-21:00"')  # noqa: TRY004  (pydantic takes ValueError)
    return tuple(sorted((_window(part.strip()) for part in value.split(",")), key=lambda window: window.opens))


def _window(written: str) -> Window:
    read = _WINDOW.fullmatch(written)
    if read is None:
        raise ValueError(f"{written!r} is no window of time; write HH:MM-HH:MM, such as 09:00-21:00")
    opens, closes = _minutes(read[1], read[2]), _minutes(read[3], read[4])
    if opens == _WHOLE_DAY:
        raise ValueError(f"{written!r} opens at 24:00, which is the next day's 00:00; write 00:00 there")
    if opens == closes:
        raise ValueError(f"{written!r} opens and closes at once; a whole day is 00:00-24:00")
    return Window(_time(opens), _time(closes))


def _minutes(hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > _WHOLE_DAY:  # noqa: PLR2004  (minutes of an hour)
        raise ValueError(f"there is no {hours}:{minutes} on the clock; it goes from 00:00 to 24:00")
    return total


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Windows = Annotated[tuple[Window, ...], BeforeValidator(windows)]


class CallingHoursDocument(Document):
    """`default` holds on the `days`; a day's own key holds before it, and `null` closes that day."""

    default: Windows = windows("09:00-21:00")
    days: list[Weekday] = Field(default_factory=lambda: list(get_args(Weekday)))
    mon: Windows | None = None
    tue: Windows | None = None
    wed: Windows | None = None
    thu: Windows | None = None
    fri: Windows | None = None
    sat: Windows | None = None
    sun: Windows | None = None

    def of(self, day: str) -> tuple[Window, ...]:
        """The windows that open on this day."""
        if day in self.model_fields_set:
            return getattr(self, day) or ()
        return self.default if day in self.days else ()

    def hours(self) -> CallingHours:
        return CallingHours(tuple(self.of(day) for day in DAYS))

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        spans = list(_spans(self.hours()))
        if not spans:
            raise ValueError("no day is open, so nobody would ever be called; open one, or write null for any time")
        starts, ends, day = spans[0]
        week = timedelta(days=7)
        for earlier, later in pairwise([*spans, (starts + week, ends + week, day)]):
            if earlier[1] > later[0]:
                raise ValueError(
                    f"the windows of {earlier[2]} and {later[2]} overlap; let one close before the next opens"
                )
        return self


def _spans(hours: CallingHours) -> "list[tuple[timedelta, timedelta, str]]":
    """Every window of the week from its opening to its closing, counted from Monday's midnight."""
    spans = []
    for number, (day, opened) in enumerate(zip(DAYS, hours.days, strict=True)):
        midnight = timedelta(days=number)
        for window in opened:
            starts, ends = _since_midnight(window.opens), _since_midnight(window.closes)
            overnight = timedelta(days=1 if ends <= starts else 0)
            spans.append((midnight + starts, midnight + ends + overnight, day))
    return spans


def _since_midnight(moment: time) -> timedelta:
    return timedelta(hours=moment.hour, minutes=moment.minute)
