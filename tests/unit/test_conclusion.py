"""What an ended attempt makes of its lead, by the table of outcomes and the process's retry rules."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOON
from leadline.domain.attempt import Outcome, outcome_of
from leadline.domain.conclusion import CONGESTION_WAIT, conclude
from leadline.domain.lead import ClosedReason
from leadline.domain.policy import RetryPolicy, RetryRule
from leadline.domain.vendor import CallType

RETRY = RetryPolicy()


@pytest.mark.parametrize(
    ("status", "cause", "outcome"),
    [
        (486, None, "busy"), (600, None, "busy"), (480, 17, "busy"), (480, 19, "no_answer"), (480, None, "no_answer"),
        (408, None, "no_answer"), (603, None, "rejected"), (607, None, "rejected"), (404, None, "invalid_number"),
        (410, None, "invalid_number"), (484, None, "invalid_number"), (604, None, "invalid_number"),
        (503, None, "congestion"), (404, 34, "congestion"), (486, 38, "congestion"), (None, 41, "congestion"),
        (480, 42, "congestion"), (500, 44, "congestion"), (403, None, "failed"), (401, None, "failed"),
        (488, None, "failed"), (500, None, "failed"), (606, None, "failed"), (None, None, "failed"), (486, 16, "busy"),
    ],
)  # fmt: skip
def test_what_came_back_means(status, cause, outcome):
    assert outcome_of(status, cause, answered=False, ring_timeout=False) == outcome


def test_an_answer_and_our_own_cancel_mean_what_they_are_whatever_came_with_them():
    assert outcome_of(200, 34, answered=True, ring_timeout=False) is Outcome.ANSWERED
    assert outcome_of(487, None, answered=False, ring_timeout=True) is Outcome.NO_ANSWER


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.ANSWERED, ClosedReason.COMPLETED),
        (Outcome.REJECTED, ClosedReason.REJECTED),
        (Outcome.INVALID_NUMBER, ClosedReason.INVALID_NUMBER),
        (Outcome.UNKNOWN, ClosedReason.UNKNOWN),
    ],
)
def test_what_closes_at_once(outcome, reason):
    conclusion = conclude(outcome, {outcome: 1}, RETRY, NOON)
    assert (conclusion.closed, conclusion.due_at) == (reason, None)


@pytest.mark.parametrize(
    ("outcome", "after", "times"), [(Outcome.BUSY, 10, 3), (Outcome.NO_ANSWER, 30, 3), (Outcome.FAILED, 5, 2)]
)
def test_times_counts_retries_after_the_first_attempt(outcome, after, times):
    for attempt in range(1, times + 1):
        conclusion = conclude(outcome, {outcome: attempt}, RETRY, NOON)
        assert (conclusion.closed, conclusion.due_at) == (None, NOON + timedelta(minutes=after))
    assert conclude(outcome, {outcome: times + 1}, RETRY, NOON).closed is ClosedReason.ATTEMPTS_EXHAUSTED


def test_all_outcomes_together_are_bounded():
    history = {Outcome.BUSY: 3, Outcome.NO_ANSWER: 3}
    assert conclude(Outcome.BUSY, history, RETRY, NOON).closed is ClosedReason.ATTEMPTS_EXHAUSTED


def test_an_outcome_without_a_rule_closes():
    conclusion = conclude(Outcome.BUSY, {Outcome.BUSY: 1}, RetryPolicy(busy=None), NOON)
    assert conclusion.closed is ClosedReason.ATTEMPTS_EXHAUSTED


def test_congestion_takes_the_next_trunk_else_waits_and_never_counts():
    history = {Outcome.CONGESTION: 50, Outcome.BUSY: 1}
    assert conclude(Outcome.CONGESTION, history, RETRY, NOON, another_trunk=True).due_at == NOON
    assert conclude(Outcome.CONGESTION, history, RETRY, NOON).due_at == NOON + CONGESTION_WAIT
    assert conclude(Outcome.BUSY, history, RETRY, NOON).closed is None


def test_unknown_is_redialed_only_where_the_process_says_so():
    policy = RetryPolicy(unknown=RetryRule(timedelta(minutes=1), 1))
    assert conclude(Outcome.UNKNOWN, {Outcome.UNKNOWN: 1}, policy, NOON).due_at == NOON + timedelta(minutes=1)
    assert conclude(Outcome.UNKNOWN, {Outcome.UNKNOWN: 2}, policy, NOON).closed is ClosedReason.ATTEMPTS_EXHAUSTED


def test_a_promised_callback_is_kept():
    at = NOON + timedelta(hours=2)
    conclusion = conclude(Outcome.ANSWERED, {Outcome.ANSWERED: 1}, RETRY, NOON, callback_at=at)
    assert (conclusion.due_at, conclusion.calltype, conclusion.closed) == (at, CallType.GENERAL_CALLBACK, None)


@given(st.lists(st.sampled_from([o for o in Outcome if o is not Outcome.CONGESTION]), max_size=30))
def test_every_opening_comes_to_an_end(outcomes):
    history = Counter()
    for number, outcome in enumerate(outcomes, 1):
        history[outcome] += 1
        conclusion = conclude(outcome, history, RETRY, NOON)
        assert (conclusion.closed is None) != (conclusion.due_at is None)
        if conclusion.closed is not None:
            return
        assert number < RETRY.max_attempts
