"""Limits of attempts: counted by the recipient's own days, and each hold says when it ends."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOON, NUMBER, a_lead, a_policy, a_trunk
from leadline.domain.eligibility import LOOK_BACK, Dialed, Facts, delaying, judge
from leadline.domain.policy import Limit, Limits

HOUR = timedelta(hours=1)
OTHER_LEAD = 8
OTHER_NUMBER = "+919820012345"


def facts(limits, *dialed, now=NOON, **lead):
    policy = a_policy(calling_hours=None, limits=limits)
    return Facts(a_lead(**lead), policy, (a_trunk(),), None, None, now, dialed=dialed)


def held(case):
    verdict = delaying(judge(case))
    return (verdict.rule, verdict.until) if verdict else None


def ago(hours, lead_id=7, number=NUMBER):
    return Dialed(lead_id, number, NOON - hours * HOUR)


def midnight_in_india(days):
    return datetime(2026, 11, 24, 18, 30, tzinfo=UTC) + timedelta(days=days - 1)


@pytest.mark.parametrize(
    ("limits", "dialed", "expected"),
    [
        (Limits(), [ago(1)] * 50, None),
        (Limits(per_lead=Limit(day=2)), [ago(1)], None),
        (Limits(per_lead=Limit(day=2)), [ago(1), ago(2)], ("attempts_per_lead", midnight_in_india(1))),
        (Limits(per_lead=Limit(day=2)), [ago(1), ago(13)], None),  # 23 o'clock of the day before
        (Limits(per_lead=Limit(day=1)), [ago(1, OTHER_LEAD)], None),
        (Limits(per_lead=Limit(day=1)), [ago(1, number=OTHER_NUMBER)], ("attempts_per_lead", midnight_in_india(1))),
        (Limits(per_number=Limit(day=1)), [ago(1, number=OTHER_NUMBER)], None),
        (Limits(per_number=Limit(day=1)), [ago(1, OTHER_LEAD)], ("attempts_per_number", midnight_in_india(1))),
        (Limits(per_lead=Limit(week=2)), [ago(1), ago(6 * 24)], ("attempts_per_lead", midnight_in_india(1))),
        (Limits(per_lead=Limit(week=2)), [ago(1), ago(26)], ("attempts_per_lead", midnight_in_india(6))),
        (Limits(per_lead=Limit(week=2)), [ago(1), ago(7 * 24)], None),
        (Limits(gap=2 * HOUR), [ago(1, OTHER_LEAD), ago(3)], ("gap", NOON + HOUR)),
        (Limits(gap=HOUR), [ago(1)], None),
        (Limits(gap=2 * HOUR), [ago(1, number=OTHER_NUMBER)], None),
    ],
)
def test_what_a_limit_counts_and_when_it_frees(limits, dialed, expected):
    assert held(facts(limits, *dialed)) == expected


def test_of_two_limits_the_later_holds():
    limits = Limits(Limit(day=1, week=2), Limit(), 2 * HOUR)
    assert held(facts(limits, ago(1), ago(30))) == ("attempts_per_lead", midnight_in_india(6))


def test_a_limit_holds_in_every_zone_that_the_recipient_may_be_in():
    now = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # one o'clock in New York, the evening before in Los Angeles
    tried = Dialed(7, "+18005550199", now - 2 * HOUR)
    lead = {"number": "+18005550199", "mobilenumber": "+18005550199"}
    case = facts(Limits(per_lead=Limit(day=1)), tried, now=now, **lead)
    rule, until = held(case)
    assert rule == "attempts_per_lead"
    assert until >= datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    own = facts(Limits(per_lead=Limit(day=1)), tried, now=now, timezone="America/New_York", due_at=now, **lead)
    assert held(own) is None


def test_where_no_zone_is_known_the_day_lasts_until_it_is_over_everywhere():
    lead = {"number": "+80012345678", "mobilenumber": "+80012345678"}
    tried = Dialed(7, "+80012345678", NOON - HOUR)
    assert held(facts(Limits(per_lead=Limit(day=1)), tried, **lead)) == (
        "attempts_per_lead",
        datetime(2026, 11, 25, 5, 0, tzinfo=UTC),  # of those who were tried at half past midnight
    )


ZONES = st.sampled_from(["Asia/Kolkata", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Pacific/Apia"])
NOWS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
AGES = st.lists(st.timedeltas(timedelta(), LOOK_BACK), max_size=6)


@settings(deadline=None)
@given(ZONES, NOWS, AGES, st.integers(1, 4), st.sampled_from([1, 7]))
def test_a_hold_ends_at_the_first_instant_at_which_the_limit_allows(zone, now, ages, most, days):
    limit = Limit(day=most) if days == 1 else Limit(week=most)
    attempts = [Dialed(7, NUMBER, now - age) for age in ages]

    def counted(at):
        today = at.astimezone(ZoneInfo(zone)).date()
        dates = [attempt.started_at.astimezone(ZoneInfo(zone)).date() for attempt in attempts]
        return sum(today - timedelta(days=days) < date for date in dates)

    verdict = delaying(judge(facts(Limits(per_lead=limit), *attempts, now=now, timezone=zone, due_at=now)))
    if counted(now) < most:
        assert verdict is None
    else:
        assert counted(verdict.until) < most
        assert counted(verdict.until - timedelta(microseconds=1)) >= most
