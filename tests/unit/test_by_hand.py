"""What a word makes of a lead, and what changed retry rules make of one that waits: pure."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOON, a_lead
from leadline.calling.retrying import rejudged
from leadline.domain.attempt import Outcome
from leadline.domain.conclusion import conclude
from leadline.domain.control import WAITING, cancelled, rescheduled
from leadline.domain.errors import IllegalMove
from leadline.domain.lead import ClosedReason, LeadState
from leadline.domain.policy import RetryPolicy, RetryRule
from leadline.domain.upsert import due_rows
from leadline.store.retries import Waiting

LATER = NOON + timedelta(hours=1)
RETRIED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.FAILED)


@pytest.mark.parametrize("state", sorted(WAITING))
def test_a_waiting_lead_is_cancelled_with_nothing_left_due(state):
    lead, [(_, event)] = cancelled(a_lead(state=state, held_by="calling_hours", events=4, expires_at=LATER), NOON)
    assert (lead.state, lead.closed_reason, lead.due_at, lead.held_by) == ("closed", "cancelled", None, None)
    assert (lead.events, event.kind, event.data["reason"]) == (5, "lead.closed", "cancelled")
    assert due_rows(lead) == []


def test_a_closed_lead_is_not_closed_again():
    with pytest.raises(IllegalMove):
        cancelled(a_lead(state=LeadState.CLOSED), NOON)


def test_a_rescheduled_lead_keeps_what_was_pushed():
    before = a_lead(call_at=NOON, held_by="calling_hours")
    lead, [(_, event)] = rescheduled(before, LATER, NOON)
    assert (lead.due_at, lead.held_by, lead.call_at, lead.state) == (LATER, None, NOON, LeadState.SCHEDULED)
    assert (event.kind, event.data["due_at"]) == ("lead.scheduled", LATER)
    waiting, [(_, event)] = rescheduled(a_lead(state=LeadState.AWAITING_PROMPT), LATER, NOON)
    assert (waiting.state, event.kind) == (LeadState.AWAITING_PROMPT, "lead.awaiting_prompt")


def rule(minutes: int, times: int) -> RetryRule:
    return RetryRule(timedelta(minutes=minutes), times)


def waiting(policy: RetryPolicy, outcome: Outcome = Outcome.BUSY, attempts: int = 1, **values) -> Waiting:
    """A lead that waits after so many attempts of one outcome, the last of which ended at noon."""
    history = Counter({outcome: attempts})
    due_at = conclude(outcome, history, policy, NOON).due_at
    return Waiting(a_lead(**({"due_at": due_at} | values)), outcome, NOON, history)


@pytest.mark.parametrize(
    ("now_is", "due_at"),
    [(rule(30, 3), NOON + timedelta(minutes=30)), (rule(7, 1), NOON + timedelta(minutes=7)), (rule(1, 3), None)],
)
def test_a_lead_waits_as_if_the_new_rule_had_held(now_is, due_at):
    now = NOON + timedelta(minutes=5)
    was = RetryPolicy(busy=rule(10, 3))
    lead, [(_, event)] = rejudged(waiting(was), was, RetryPolicy(busy=now_is), now)
    assert (lead.due_at, lead.state) == (due_at or now, LeadState.SCHEDULED)
    assert event.data["due_at"] == lead.due_at


@pytest.mark.parametrize("now_is", [RetryPolicy(busy=None), RetryPolicy(busy=rule(10, 1)), RetryPolicy(max_attempts=2)])
def test_a_lead_that_has_had_its_attempts_closes(now_is):
    was = RetryPolicy(busy=rule(10, 3))
    lead, [(_, event)] = rejudged(waiting(was, attempts=2), was, now_is, NOON)
    assert (lead.closed_reason, event.kind) == (ClosedReason.ATTEMPTS_EXHAUSTED, "lead.closed")
    assert due_rows(lead) == []


def test_a_lead_that_was_given_another_time_keeps_it():
    was = RetryPolicy(busy=rule(10, 3))
    assert rejudged(waiting(was, due_at=NOON + timedelta(days=1)), was, RetryPolicy(busy=rule(1, 1)), NOON) is None
    promised = Waiting(a_lead(due_at=LATER), Outcome.ANSWERED, NOON, Counter({Outcome.ANSWERED: 1}))
    assert rejudged(promised, was, RetryPolicy(busy=rule(1, 1)), NOON) is None


rules = st.one_of(st.none(), st.builds(rule, st.integers(1, 100), st.integers(1, 6)))
policies = st.builds(RetryPolicy, busy=rules, no_answer=rules, failed=rules, max_attempts=st.integers(1, 8))


@given(policies, policies, st.sampled_from(RETRIED), st.integers(1, 6), st.integers(0, 100))
def test_what_is_changed_is_what_the_new_rules_would_have_made(was, now_is, outcome, attempts, minutes):
    before = waiting(was, outcome, attempts)
    if before.lead.due_at is None:
        return
    now = NOON + timedelta(minutes=minutes)
    changed = rejudged(before, was, now_is, now)
    wanted = conclude(outcome, before.history, now_is, NOON)
    lead = before.lead if changed is None else changed[0]
    assert lead.closed_reason == wanted.closed
    if wanted.due_at is not None:
        assert lead.due_at == wanted.due_at or lead.due_at == now >= wanted.due_at
