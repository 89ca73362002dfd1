"""Holidays of the recipient, the schedule and the state of the process, trunks that are taken: held, and said."""

from datetime import UTC, date, datetime, time

import pytest

from builders import NOON, a_lead, a_policy, a_trunk
from leadline.domain.eligibility import Facts, delaying, judge
from leadline.domain.policy import CallingHours, Holiday, Schedule, Window

TODAY = date(2026, 11, 24)
INDIA = "Asia/Kolkata"
MORNINGS = CallingHours(((Window(time(9), time(11)),),) * 5 + ((), ()))


def facts(*, now=NOON, paused=False, stopped=False, unable=None, trunks=None, **policy):
    rules = a_policy(**({"calling_hours": None} | policy))
    found = (a_trunk(),) if trunks is None else trunks
    lead = a_lead(due_at=now)
    return Facts(lead, rules, found, None, None, now, paused=paused, stopped=stopped, unable=unable)


def failed(case):
    return {verdict.rule: (verdict.reason, verdict.until) for verdict in judge(case) if not verdict.passed}


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_a_process_that_is_paused_or_stopped_calls_nobody_until_it_is_resumed(state):
    case = facts(**{state: True})
    assert failed(case) == {"process": (f"the process is {state}: resume it, and its leads go on", None)}


def test_a_holiday_is_named_and_ends_with_the_next_opening():
    holidays = (Holiday(TODAY, "Guru Tegh Bahadur"), Holiday(date(2026, 11, 25)))
    case = facts(holidays=holidays, calling_hours=a_policy().calling_hours)
    opens = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
    said = "2026-11-24 (Guru Tegh Bahadur) is a holiday in Asia/Calcutta"
    assert failed(case) == {"holiday": (said, opens)}
    at_night = facts(
        holidays=holidays, calling_hours=a_policy().calling_hours, now=datetime(2026, 11, 23, 17, tzinfo=UTC)
    )
    assert failed(at_night)["calling_hours"][1] == opens


def test_a_holiday_holds_even_where_the_process_calls_at_any_time():
    assert failed(facts(holidays=(Holiday(TODAY),)))["holiday"][1] == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    assert failed(facts(holidays=(Holiday(date(2026, 11, 25)),))) == {}


@pytest.mark.parametrize(
    ("schedule", "said", "until"),
    [
        (Schedule(INDIA, TODAY, TODAY), None, None),
        (Schedule(INDIA, hours=MORNINGS), "does not work at this time", datetime(2026, 11, 25, 3, 30, tzinfo=UTC)),
        (Schedule("UTC", hours=MORNINGS), "does not work at this time", datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
        (Schedule("Asia/Dubai", hours=MORNINGS), None, None),
        (Schedule(INDIA, date(2026, 11, 28)), "begins on 2026-11-28", datetime(2026, 11, 27, 18, 30, tzinfo=UTC)),
        (
            Schedule(INDIA, date(2026, 11, 28), hours=MORNINGS),
            "begins on 2026-11-28",
            datetime(2026, 11, 30, 3, 30, tzinfo=UTC),
        ),
        (Schedule(INDIA, ends=date(2026, 11, 23)), "ended on 2026-11-23: give schedule.until a later day", None),
        (Schedule(INDIA, ends=TODAY, hours=MORNINGS), "give schedule.until a later day", None),
    ],
)
def test_a_process_works_by_the_clock_of_its_organisation(schedule, said, until):
    found = failed(facts(schedule=schedule))
    if said is None:
        assert found == {}
    else:
        assert said in found["schedule"][0]
        assert found["schedule"][1] == until


def test_a_call_waits_while_every_trunk_that_may_carry_it_is_taken():
    trunks = (a_trunk(), a_trunk(name="gsm"))
    full = {"telco": "all of its 10 channels are in use", "gsm": "down since noon"}
    assert failed(facts(trunks=trunks, unable={"telco": full["telco"]})) == {}
    case = facts(trunks=trunks, unable=full)
    said = "trunk telco: all of its 10 channels are in use; trunk gsm: down since noon"
    assert failed(case) == {"trunk_open": (said, None)}
    assert delaying(judge(case)).rule == "trunk_open"
    assert failed(facts(trunks=trunks, unable=None)) == {}
