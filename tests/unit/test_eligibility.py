"""May a lead be dialed now, by which trunk, else when: every rule by itself, and all of them together."""

from datetime import timedelta

import pytest

from builders import NOON, NUMBER, a_lead, a_policy, a_trunk
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import Facts, Route, Verdict, delaying, forbidden, forbidding, judge, routes
from leadline.domain.lead import ClosedReason, LeadState
from leadline.domain.policy import CallingHours, Direction, PrefixRule

MIDNIGHT = NOON + timedelta(hours=12)


def facts(*, policy=None, trunks=None, listed=None, now=NOON, speech_reason=None, **lead):
    return Facts(
        lead=a_lead(**lead),
        policy=policy or a_policy(),
        trunks=(a_trunk(),) if trunks is None else trunks,
        listed=listed,
        speech_reason=speech_reason,
        now=now,
    )


def failed(case):
    return [verdict.rule for verdict in judge(case) if not verdict.passed]


def numbered(e164):
    return {"mobilenumber": e164, "number": e164, "number_key": e164}


def test_a_scheduled_lead_whose_time_has_come_is_dialed():
    case = facts(due_at=NOON - timedelta(days=400))
    assert failed(case) == []
    assert forbidding(judge(case)) is None
    assert delaying(judge(case)) is None
    assert routes(case) == [Route("telco", "08452892308")]


def test_the_rules_are_asked_in_the_order_in_which_a_person_would_ask():
    assert [verdict.rule for verdict in judge(facts())] == [
        "voice", "direction", "process", "valid_number", "do_not_call", "trunk", "expiry", "agent", "speech",
        "call_time", "schedule", "holiday", "calling_hours", "attempts_per_lead", "attempts_per_number", "gap",
        "trunk_open",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("case", "rule", "closes"),
    [
        (facts(mobilenumber="12345", number=None), "valid_number", ClosedReason.NOT_DIALABLE),
        (facts(mobilenumber=None, number=None), "valid_number", ClosedReason.NOT_DIALABLE),
        (facts(listed=DoNotCallList.PROCESS), "do_not_call", ClosedReason.DO_NOT_CALL),
        (facts(**numbered("+14155552671"), trunks=(a_trunk(prefix=None),)), "trunk", ClosedReason.NOT_DIALABLE),
        (facts(**numbered("+449012345678")), "trunk", ClosedReason.NOT_DIALABLE),
        (facts(**numbered("+4918012345")), "trunk", ClosedReason.NOT_DIALABLE),
        (facts(**numbered("+881612345678")), "trunk", ClosedReason.NOT_DIALABLE),
        (facts(expires_at=NOON), "expiry", ClosedReason.EXPIRED),
    ],
)
def test_what_forbids_a_lead_as_it_is(case, rule, closes):
    verdict = forbidding(judge(case))
    assert verdict is not None
    assert (verdict.rule, verdict.closes) == (rule, closes)
    assert rule in failed(case)
    assert forbidden(case) == verdict


@pytest.mark.parametrize(
    ("case", "rule", "until"),
    [
        (facts(media=4), "voice", None),
        (facts(policy=a_policy(direction=Direction.INBOUND)), "direction", None),
        (facts(trunks=()), "trunk", None),
        (facts(calltype=71), "agent", None),
        (facts(state=LeadState.AWAITING_PROMPT), "speech", None),
        (facts(due_at=None), "call_time", None),
        (facts(state=LeadState.DIALING), "call_time", None),
        (facts(due_at=NOON + timedelta(seconds=1)), "call_time", NOON + timedelta(seconds=1)),
        (facts(now=MIDNIGHT), "calling_hours", NOON + timedelta(hours=21)),
        (facts(policy=a_policy(calling_hours=CallingHours(days=((),) * 7))), "calling_hours", None),
        (facts(**numbered("+80012345678")), "calling_hours", None),
    ],
)
def test_what_only_delays_a_lead(case, rule, until):
    assert failed(case) == [rule]
    verdict = delaying(judge(case))
    assert verdict is not None
    assert (verdict.rule, verdict.until, verdict.closes) == (rule, until, None)
    assert forbidding(judge(case)) is None
    assert forbidden(case) is None


def test_the_zone_that_was_pushed_is_the_recipients():
    assert failed(facts(**numbered("+80012345678"), timezone="Asia/Kolkata")) == []
    assert failed(facts(timezone="America/New_York")) == ["calling_hours"]


def test_hours_of_null_are_any_time_even_in_a_zone_nobody_knows():
    assert failed(facts(**numbered("+80012345678"), policy=a_policy(calling_hours=None), now=MIDNIGHT)) == []


def test_a_costly_number_is_dialed_where_the_trunk_lists_its_type():
    premium = numbered("+449012345678")
    assert routes(facts(**premium, trunks=(a_trunk(number_types=("satellite",)),))) == []
    listing = (a_trunk(), a_trunk(name="dear", number_types=("premium_rate",)))
    assert routes(facts(**premium, trunks=listing)) == [Route("dear", "00449012345678")]


def test_a_trunk_is_sent_only_numbers_that_begin_as_it_says():
    home = a_trunk(name="home", numbers=("+91",))
    case = facts(**numbered("+14155552671"), trunks=(home, a_trunk(numbers=("+1", "+44"))))
    assert routes(case) == [Route("telco", "0014155552671")]
    assert routes(facts(trunks=(home,))) == [Route("home", "08452892308")]
    verdict = forbidding(judge(facts(**numbered("+14155552671"), trunks=(home,))))
    assert verdict is not None
    assert verdict.reason == "trunk home takes numbers that begin with +91"


def test_trunks_are_tried_in_the_processs_order_without_those_that_may_not_carry_the_call():
    gsm = a_trunk(name="gsm", prefix=PrefixRule(home_region="IN", international="+"))
    local = a_trunk(name="local", prefix=None)
    assert routes(facts(**numbered("+14155552671"), trunks=(local, gsm, a_trunk()))) == [
        Route("gsm", "+14155552671"),
        Route("telco", "0014155552671"),
    ]
    assert routes(facts(number=None)) == []


def test_a_refusal_names_every_trunk_that_refused_and_the_remedy():
    case = facts(**numbered("+14155552671"), trunks=(a_trunk(prefix=None),))
    verdict = forbidding(judge(case))
    assert verdict is not None
    assert "set prefix.international" in verdict.reason


def test_the_rule_that_holds_longest_is_told_and_one_without_an_end_outlasts_all():
    soon = Verdict("a", passed=False, reason="", until=NOON)
    later = Verdict("b", passed=False, reason="", until=MIDNIGHT)
    endless = Verdict("c", passed=False, reason="")
    passed = Verdict("d", passed=True, reason="")
    assert delaying([soon, later, passed]) is later
    assert delaying([endless, later, soon]) is endless
    assert delaying([passed]) is None


def test_a_lead_on_no_list_says_its_number():
    assert NUMBER in next(verdict.reason for verdict in judge(facts()) if verdict.rule == "valid_number")
