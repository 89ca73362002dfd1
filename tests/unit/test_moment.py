"""Dates are read in the organisation's zone or by their own offset, to the instant, or not at all."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.moment import EARLIEST, LATEST, parse_moment, write_moment

INDIA, BERLIN, NEW_YORK = ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2018-11-12 14:00:05", "2018-11-12T08:30:05"),
        (" 2018-11-12 14:00:05 ", "2018-11-12T08:30:05"),
        ("2018-11-12T14:00:05", "2018-11-12T08:30:05"),
        ("2018-11-12 14:00", "2018-11-12T08:30:00"),
        ("2018-11-12T14:00:05Z", "2018-11-12T14:00:05"),
        ("2018-11-12t14:00:05z", "2018-11-12T14:00:05"),
        ("2018-11-12T14:00:05+01:00", "2018-11-12T13:00:05"),
        ("2018-11-12 14:00:05 -0500", "2018-11-12T19:00:05"),
        ("2018-11-12T14:00:05+05", "2018-11-12T09:00:05"),
        ("2018-11-12T14:00:05.250+00:00", "2018-11-12T14:00:05.250"),
        ("2018-11-12T14:00:05,123456789Z", "2018-11-12T14:00:05.123456"),
        ("2024-02-29 00:00:00", "2024-02-28T18:30:00"),
        ("20181112T140005+0530", "2018-11-12T08:30:05"),
        ("20181112t140005,250z", "2018-11-12T14:00:05.250"),
        ("20181112T1400-05", "2018-11-12T19:00:00"),
    ],
)
def test_what_is_read(written, utc):
    assert parse_moment(written, INDIA) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "", "tomorrow", "2018-11-12", "14:00:05", "12-11-2018 14:00:05", "2018/11/12 14:00:05", "2018-13-12 14:00:05",
        "2018-11-31 14:00:05", "2023-02-29 00:00:00", "2018-11-12 24:00:01", "2018-11-12 14:60:00", "1542031205",
        "2018-11-12 14:00:05 PM", "2018-11-12 14:00:05+99:00", "0000-01-01 00:00:00", "2018-11-12 14:00:05Z+01:00",
        "２０１８-11-12 14:00:05", "2018-11-12\n14:00:05", "2018-11-12 14:00:05 Asia/Kolkata", "-2018-11-12 14:00:05",
        "20181112T140005", "20181112140005Z", "20181112 140005Z", "2018-1112T140005Z", "20181131T140005Z",
    ],
)  # fmt: skip
def test_what_is_not(written):
    assert parse_moment(written, INDIA) is None


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        ("2026-03-29 02:30:00", BERLIN, "2026-03-29T01:30:00"),  # the clocks skip it: read as if they had not
        ("2026-10-25 02:30:00", BERLIN, "2026-10-25T00:30:00"),  # it comes twice: the first
        ("2026-03-08 02:30:00", NEW_YORK, "2026-03-08T07:30:00"),
        ("2026-07-01 12:00:00", NEW_YORK, "2026-07-01T16:00:00"),
        ("2026-12-01 12:00:00", NEW_YORK, "2026-12-01T17:00:00"),
    ],
)
def test_clock_changes(written, zone, utc):
    assert parse_moment(written, zone) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", [INDIA, NEW_YORK, UTC])
def test_the_end_of_the_calendar_is_never_and_can_be_written_anywhere(zone):
    never = parse_moment("9999-12-31 23:59:59", zone)
    assert never == LATEST
    assert parse_moment("0001-01-01 00:00:00", zone) == EARLIEST
    assert write_moment(never, timezone(timedelta(hours=14))).startswith("9999-12-30 14")


def test_a_year_is_written_with_four_digits_and_a_second_as_far_as_it_has_come():
    assert write_moment(EARLIEST, UTC) == "0001-01-02 00:00:00"
    assert write_moment(datetime(2026, 11, 24, 6, 30, 0, 999_999, UTC), INDIA) == "2026-11-24 12:00:00"


def test_the_same_text_in_another_zone_is_another_instant():
    assert len({parse_moment("2026-11-24 12:00:00", zone) for zone in (INDIA, BERLIN, NEW_YORK, INDIA)}) == 3


def test_the_longest_way_to_write_an_instant_is_read_and_nothing_longer():
    assert parse_moment("  2018-11-12 14:00:05.123456789 +01:00  ", INDIA) is not None
    assert parse_moment("2018-11-12 14:00:05.1234567890 +01:00", INDIA) is None


SECONDS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0))


@given(SECONDS, st.sampled_from([UTC, INDIA, BERLIN, NEW_YORK]))
def test_what_is_written_is_read_back_as_the_same_instant_but_for_hours_that_come_twice(local, zone):
    moment = local.replace(tzinfo=UTC)
    read = parse_moment(write_moment(moment, zone), zone)
    assert read is not None
    assert moment - read in {timedelta(0), timedelta(hours=1)}
    assert write_moment(read, zone) == write_moment(moment, zone)


@given(SECONDS, st.integers(-14 * 60, 14 * 60))
def test_an_offset_says_the_instant_whatever_the_zone(local, minutes):
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_moment(moment.isoformat(), NEW_YORK) == moment
    assert parse_moment(moment.isoformat(), INDIA) == moment


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(written):
    moment = parse_moment(written, BERLIN)
    assert moment is None or EARLIEST <= moment <= LATEST
