"""Calling hours are the recipient's: on every wall where they may be, across midnights and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.calling_hours import next_open, within
from leadline.domain.policy import ANY_TIME, DAYS, NINE_TO_NINE, CallingHours, Window

ALWAYS_CLOSED = CallingHours(days=((),) * 7)


def every_day(opens, closes):
    return CallingHours(days=((Window(opens, closes),),) * 7)


@pytest.mark.parametrize(
    ("zone", "utc", "open_"),
    [
        ("Asia/Kolkata", "2026-11-24T03:29:59", False),
        ("Asia/Kolkata", "2026-11-24T03:30:00", True),
        ("Asia/Kolkata", "2026-11-24T15:30:00", False),
        ("America/New_York", "2026-11-24T14:00:00", True),
        ("Europe/London", "2026-07-01T08:00:00", True),
        ("Europe/London", "2026-12-01T08:00:00", False),
    ],
)
def test_nine_to_nine_is_by_the_recipients_clock(zone, utc, open_):
    assert within(NINE_TO_NINE, (zone,), datetime.fromisoformat(utc).replace(tzinfo=UTC)) is open_


def test_hours_must_hold_in_every_zone_the_recipient_may_be_in():
    zones = ("America/New_York", "America/Los_Angeles")
    at = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)  # 9 in New York, 6 in Los Angeles
    assert not within(NINE_TO_NINE, zones, at)
    assert next_open(NINE_TO_NINE, zones, at) == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


def test_a_window_may_cross_midnight():
    night = every_day(time(22), time(2))
    assert within(night, ("UTC",), datetime(2026, 1, 1, 1, 59, tzinfo=UTC))
    assert not within(night, ("UTC",), datetime(2026, 1, 1, 2, 0, tzinfo=UTC))


def test_a_window_belongs_to_the_day_it_opens_on():
    monday_night = CallingHours(days=((Window(time(22), time(2)),), (), (), (), (), (), ()))
    assert within(monday_night, ("UTC",), datetime(2026, 11, 24, 1, 0, tzinfo=UTC))  # Tuesday, 1 o'clock
    assert not within(monday_night, ("UTC",), datetime(2026, 11, 23, 1, 0, tzinfo=UTC))


def test_an_opening_that_the_clocks_skip_is_the_change_itself():
    hours = every_day(time(2, 30), time(12))
    night = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)  # in Berlin the clocks go from 2 to 3 at 01:00 UTC
    assert next_open(hours, ("Europe/Berlin",), night) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_clocks_set_back_into_a_window_open_it_again():
    hours = every_day(time(1), time(2, 30))
    at = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45 in Berlin, and in 15 minutes it is 02:00 again
    assert next_open(hours, ("Europe/Berlin",), at) == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


def test_hours_that_never_open_say_so():
    assert next_open(ALWAYS_CLOSED, ("UTC",), datetime(2026, 1, 1, tzinfo=UTC)) is None


WINDOWS = st.builds(
    Window, st.times().map(lambda t: t.replace(microsecond=0)), st.times().map(lambda t: t.replace(microsecond=0))
)
HOURS = st.builds(CallingHours, days=st.tuples(*[st.lists(WINDOWS, max_size=2).map(tuple)] * 7))
ZONES = st.lists(
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
    ),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(
    lambda t: t.replace(tzinfo=UTC, microsecond=0)
)


@settings(deadline=None)
@given(HOURS, ZONES, INSTANTS)
def test_the_next_opening_is_open_and_nothing_opens_before_it(hours, zones, at):
    opens = next_open(hours, zones, at)
    if opens is not None:
        assert opens > at
        assert within(hours, zones, opens)
        if not within(hours, zones, at):
            step = max((opens - at) // 97, timedelta(seconds=1))
            assert not any(within(hours, zones, at + n * step) for n in range(97) if at + n * step < opens)


INDEPENDENCE = date(2026, 8, 15)  # a Saturday


def test_nobody_is_called_on_a_holiday_of_their_own_calendar():
    noon = datetime(2026, 8, 15, 12, 0, tzinfo=UTC)
    assert not within(NINE_TO_NINE, ("Asia/Kolkata",), noon, {INDEPENDENCE})
    assert next_open(NINE_TO_NINE, ("Asia/Kolkata",), noon, {INDEPENDENCE}) == datetime(2026, 8, 16, 3, 30, tzinfo=UTC)
    late = datetime(2026, 8, 15, 18, 30, tzinfo=UTC)  # the 16th in India, the 15th in New York
    assert within(ANY_TIME, ("Asia/Kolkata",), late, {INDEPENDENCE})
    assert not within(ANY_TIME, ("Asia/Kolkata", "America/New_York"), late, {INDEPENDENCE})
    opens = next_open(ANY_TIME, ("Asia/Kolkata", "America/New_York"), late, {INDEPENDENCE})
    assert opens == datetime(2026, 8, 16, 4, 0, tzinfo=UTC)


def test_a_window_over_midnight_neither_runs_into_a_holiday_nor_out_of_one():
    night = every_day(time(22), time(2))
    for hour, day, open_ in ((23, 14, True), (1, 15, False), (23, 15, False), (1, 16, False), (23, 16, True)):
        assert within(night, ("UTC",), datetime(2026, 8, day, hour, tzinfo=UTC), {INDEPENDENCE}) is open_
    opens = next_open(night, ("UTC",), datetime(2026, 8, 15, 0, 30, tzinfo=UTC), {INDEPENDENCE})
    assert opens == datetime(2026, 8, 16, 22, 0, tzinfo=UTC)


def test_the_only_open_day_may_be_a_holiday_for_weeks():
    mondays = CallingHours(days=((Window(time(9), time(10)),), (), (), (), (), (), ()))
    holidays = {date(2026, 11, 30) + timedelta(weeks=week) for week in range(5)}
    opens = next_open(mondays, ("UTC",), datetime(2026, 11, 24, tzinfo=UTC), holidays)
    assert opens == datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


def test_a_day_that_never_was_opens_nothing_before_its_time():
    days = [(), (), (), (), (Window(time(0, 2), time(1)),), (Window(time(0, 1), time(1)),), ()]
    at = datetime(2011, 12, 30, 9, 0, tzinfo=UTC)  # Thursday evening in Samoa, and at 10:00 it is Saturday
    assert next_open(CallingHours(tuple(days)), ("Pacific/Apia",), at) == datetime(2011, 12, 30, 10, 1, tzinfo=UTC)


MINUTE = timedelta(minutes=1)
BY_THE_MINUTE = st.builds(
    lambda opens, closes: Window(time(*divmod(opens, 60)), time(*divmod(closes, 60))),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # 2 to 3
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),  # 3 to 2
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # by half an hour
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),  # midnight to 1
    ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),  # midnight to 23
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a day that never was
    ("Asia/Kolkata", datetime(2026, 11, 24, tzinfo=UTC)),  # no change at all
]


def wall_says_open(hours, zone, at, holidays):
    """What the clock on the wall and the calendar below it say, in so many words."""
    local = at.astimezone(ZoneInfo(zone))
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    if today in holidays:
        return False
    for window in hours.days[today.weekday()]:
        over_midnight = window.closes <= window.opens
        if local.time() >= window.opens and (over_midnight or local.time() < window.closes):
            return True
    if yesterday in holidays:
        return False
    return any(
        window.closes <= window.opens and local.time() < window.closes for window in hours.days[yesterday.weekday()]
    )


@settings(deadline=None, max_examples=60)
@given(
    st.builds(CallingHours, days=st.tuples(*[st.lists(BY_THE_MINUTE, max_size=2).map(tuple)] * len(DAYS))),
    st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2, unique_by=lambda change: change[0]),
    st.integers(-2_880, 60),
    st.sets(st.integers(-2, 3), max_size=2),
)
def test_the_next_opening_is_where_a_walk_by_the_minute_finds_it(hours, changes, minutes, holidays_from_then):
    """About every kind of clock change, over midnights, week ends and holidays."""
    zones, then = tuple(zone for zone, _ in changes), changes[0][1]
    holidays = {then.date() + timedelta(days=days) for days in holidays_from_then}
    at = then + minutes * MINUTE
    expected = before = None
    for _ in range(3 * 1440):
        was, at_next = before, at + MINUTE
        before = all(wall_says_open(hours, zone, at, holidays) for zone in zones)
        if was is False and before:
            expected = at
            break
        at = at_next
    start = then + minutes * MINUTE
    if not all(wall_says_open(hours, zone, start, holidays) for zone in zones):
        found = next_open(hours, zones, start, holidays)
        if expected is not None:
            assert found == expected
        else:
            assert found is None or found >= at
