"""When a recipient may be called: their own local time, in every zone that they may be in."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from leadline.domain.policy import CallingHours, Window

DAY = timedelta(days=1)
HORIZON = 9
"""Days looked ahead for an opening: a week and its ends."""


def within(hours: CallingHours, zones: Sequence[str], at: datetime) -> bool:
    """Whether `at` is within calling hours in all of `zones`, by the clocks on the wall there."""
    return all(_open(hours, at.astimezone(ZoneInfo(zone))) for zone in zones)


def next_open(hours: CallingHours, zones: Sequence[str], after: datetime) -> datetime | None:
    """The first instant after `after`, in UTC, at which the hours hold in all of `zones`; None if none is near.

    Hours begin to hold where a window opens, or where the clocks are changed into one.
    """
    candidates = {
        instant
        for zone in zones
        for instant in _beginnings(hours, ZoneInfo(zone), after.astimezone(ZoneInfo(zone)).date())
        if instant > after
    }
    return next((instant for instant in sorted(candidates) if within(hours, zones, instant)), None)


def _open(hours: CallingHours, local: datetime) -> bool:
    wall, weekday = local.time(), local.weekday()
    if any(_in_own_day(window, wall) for window in hours.days[weekday]):
        return True
    return any(_crosses_midnight(window) and wall < window.closes for window in hours.days[weekday - 1])


def _crosses_midnight(window: Window) -> bool:
    return window.closes <= window.opens


def _in_own_day(window: Window, wall: time) -> bool:
    return window.opens <= wall and (_crosses_midnight(window) or wall < window.closes)


def _beginnings(hours: CallingHours, zone: ZoneInfo, first: date) -> Iterator[datetime]:
    for offset in range(-1, HORIZON):
        day = first + offset * DAY
        for window in hours.days[day.weekday()]:
            for fold in (0, 1):
                yield datetime.combine(day, window.opens, zone).replace(fold=fold).astimezone(UTC)
        if (change := _clock_change(zone, day)) is not None:
            yield change


def _clock_change(zone: ZoneInfo, day: date) -> datetime | None:
    """The instant, to the second, at which this day's clocks are changed."""
    before = datetime.combine(day, time(), zone).astimezone(UTC)
    after = before + DAY
    offset = before.astimezone(zone).utcoffset()
    if after.astimezone(zone).utcoffset() == offset:
        return None
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
