"""Calling hours are the recipient's: on every wall where they may be, across midnights and clock changes."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.domain.calling_hours import next_open, within
from leadline.domain.policy import NINE_TO_NINE, CallingHours, Window

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
