"""When somebody may be called: their own local time, in every zone that they may be in, but on holidays."""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from typing import Final
from zoneinfo import ZoneInfo

from leadline.domain.policy import CallingHours, Window

DAY: Final = timedelta(days=1)
HORIZON: Final = 9
"""Days looked ahead for an opening: a week and its ends."""


def within(hours: CallingHours, zones: Sequence[str], at: datetime, holidays: Collection[date] = ()) -> bool:
    """Whether `at` is within calling hours in all of `zones`, by the clocks on the wall there, and no holiday there.

    A window that opens on a holiday stays closed to its end; one that is open when a holiday begins closes then.
    """
    return all(_open(hours, at.astimezone(ZoneInfo(zone)), holidays) for zone in zones)


def next_open(
    hours: CallingHours, zones: Sequence[str], after: datetime, holidays: Collection[date] = ()
) -> datetime | None:
    """The first instant after `after`, in UTC, at which the hours hold in all of `zones`; None if none is near.

    Hours begin to hold where a window opens, or where the clocks are changed into one. Each holiday to come may put
    the opening off by a week: it may be on the only day of the week that is open.
    """
    days = HORIZON + 7 * sum(day >= after.date() - DAY for day in holidays)
    instants = merge(*(_beginnings(hours, ZoneInfo(zone), after, days) for zone in zones))
    return next((each for each in instants if each > after and within(hours, zones, each, holidays)), None)


def _open(hours: CallingHours, local: datetime, holidays: Collection[date]) -> bool:
    today, wall = local.date(), local.time()
    if today in holidays:
        return False
    if any(_in_own_day(window, wall) for window in hours.days[today.weekday()]):
        return True
    yesterday = today - DAY
    return yesterday not in holidays and any(
        _crosses_midnight(window) and wall < window.closes for window in hours.days[yesterday.weekday()]
    )


def _crosses_midnight(window: Window) -> bool:
    return window.closes <= window.opens


def _in_own_day(window: Window, wall: time) -> bool:
    return window.opens <= wall and (_crosses_midnight(window) or wall < window.closes)


def _beginnings(hours: CallingHours, zone: ZoneInfo, after: datetime, days: int) -> Iterator[datetime]:
    """When the hours may begin to hold in a zone, in order, from the day before `after` on."""
    first = after.astimezone(zone).date()
    for offset in range(-1, days):
        day = first + offset * DAY
        found = {instant for window in hours.days[day.weekday()] for instant in _shown(day, window.opens, zone)}
        if (change := _clock_change(zone, day)) is not None:
            found.add(change)
        yield from sorted(found)


def _shown(day: date, wall: time, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants at which clocks show this time of this day: none if they are set past it, two if they go back."""
    local = datetime.combine(day, wall)
    for fold in (0, 1):
        instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local:
            yield instant


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
