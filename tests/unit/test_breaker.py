"""The circuit breaker of a trunk, by example and for any sequence of what may happen."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.attempt import Outcome
from leadline.domain.breaker import FIRST_PAUSE, LEAST, LONGEST_PAUSE, SILENCES, UNHEARD, Breaker, Circuit, Health

ONE, OTHER = UUID(int=1), UUID(int=2)


def after(outcomes, breaker=None, now=0.0):
    breaker = breaker or Breaker()
    for outcome in outcomes:
        breaker = breaker.ended(ONE, outcome, now)
    return breaker


def a_down_one():
    return after([Outcome.FAILED] * LEAST)


def test_calls_that_fail_bring_a_trunk_down_and_are_counted_in_the_reason():
    assert after([Outcome.FAILED] * (LEAST - 1)).health(0) is Health.UP
    down = a_down_one()
    assert (down.health(0), down.allows(0)) == (Health.DOWN, 0)
    assert down.reason == "10 of the last 10 calls failed, the last as failed"


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.FAILED, Outcome.CONGESTION}))
def test_what_a_customer_does_brings_no_trunk_down(outcome):
    assert after([outcome] * 100).health(0) is Health.UP


def test_a_share_of_failures_below_the_limit_is_borne():
    assert after([Outcome.CONGESTION, Outcome.BUSY] * 20).health(0) is Health.UP


def test_after_its_pause_a_trunk_is_tried_with_one_call_by_whose_turn_it_is():
    waiting = a_down_one()
    assert (waiting.health(FIRST_PAUSE), waiting.allows(FIRST_PAUSE)) == (Health.TRIAL, 0)
    trial = waiting.tries(FIRST_PAUSE + 15)
    assert trial.allows(FIRST_PAUSE - 0.1) == trial.allows(FIRST_PAUSE + 15) == 0
    assert (trial.health(FIRST_PAUSE), trial.allows(FIRST_PAUSE)) == (Health.TRIAL, 1)
    under_way = trial.began(OTHER, FIRST_PAUSE)
    assert under_way.allows(FIRST_PAUSE) == 0
    assert under_way.ended(OTHER, Outcome.NO_ANSWER, 40).health(40) is Health.UP


def test_a_trial_that_is_answered_closes_the_circuit_before_it_ends():
    tried = Breaker(DOWN).tries(60).began(ONE, 45)
    assert tried.carried(OTHER) == tried
    up = tried.carried(ONE)
    assert (up.health(45), up.allows(45)) == (Health.UP, None)
    assert up.ended(ONE, Outcome.ANSWERED, 99).health(99) is Health.UP
    assert Breaker().carried(ONE) == Breaker()


def test_a_trial_that_fails_doubles_the_pause_up_to_a_bound():
    breaker, now, pauses = a_down_one(), 0.0, []
    for _ in range(6):
        pauses.append(breaker.circuit.until - now)
        now = breaker.circuit.until
        breaker = breaker.tries(now + 15).began(OTHER, now).ended(OTHER, Outcome.CONGESTION, now)
    assert pauses == [30, 60, 120, 240, LONGEST_PAUSE, LONGEST_PAUSE]


def test_calls_from_before_decide_nothing_while_it_is_down():
    down = a_down_one()
    assert down.ended(ONE, Outcome.ANSWERED, 1) == down


def test_silence_counts_only_against_one_that_has_answered_before():
    never = Breaker()
    for _ in range(10):
        never = never.probed(0, answered=False)
    assert never.health(0) is Health.UP
    silent = Breaker().probed(0, answered=True)
    for _ in range(SILENCES):
        assert silent.health(0) is Health.UP
        silent = silent.probed(0, answered=False)
    assert silent.health(0) is Health.DOWN
    assert silent.probed(1, answered=True).health(1) is Health.UP


def test_an_answered_probe_does_not_excuse_calls_that_fail():
    assert a_down_one().probed(1, answered=True).health(1) is Health.DOWN


def test_a_call_that_works_outweighs_probes_that_are_not_answered():
    breaker = Breaker().probed(0, answered=True).probed(0, answered=False).probed(0, answered=False)
    assert breaker.ended(ONE, Outcome.BUSY, 0).probed(0, answered=False).health(0) is Health.UP


def test_a_trunk_from_which_nothing_comes_back_is_found_dead_by_few_calls():
    breaker = Breaker()
    for n in range(UNHEARD):
        assert breaker.health(0) is Health.UP
        breaker = breaker.ended(UUID(int=n), Outcome.FAILED, 0, unheard=True)
    assert (breaker.health(0), breaker.reason) == (Health.DOWN, "nothing at all came back to 3 calls in a row")


def test_a_call_that_was_heard_of_shows_that_somebody_is_there():
    breaker = Breaker()
    for n in range(4):
        breaker = breaker.ended(ONE, Outcome.FAILED, 0, unheard=True).ended(ONE, Outcome.BUSY, 0)
        assert (breaker.health(0), breaker.unheard) == (Health.UP, 0), n


# What is known to all


DOWN = Circuit(40.0, 30.0, "others found it so")


def test_what_others_have_found_is_taken_over_and_they_try_it():
    told = Breaker((), (True,) * 5).told(DOWN, answered=False, ours=False)
    assert (told.health(0), told.allows(0), told.allows(50), told.reason) == (Health.DOWN, 0, 0, DOWN.reason)
    assert told.told(None, answered=False, ours=False) == Breaker()


def test_being_told_the_same_again_takes_no_trial_away():
    trial = Breaker(DOWN).tries(60).began(ONE, 45)
    assert trial.told(DOWN, answered=False, ours=True).trial == ONE
    assert trial.told(DOWN, answered=False, ours=False).trial is None, "another tries it by now"


def test_a_trunk_known_to_answer_is_down_by_its_silence_though_it_never_answered_us():
    breaker = Breaker().told(None, answered=True, ours=False)
    for _ in range(SILENCES):
        breaker = breaker.probed(0, answered=False)
    assert (breaker.health(0), breaker.circuit.by_silence) == (Health.DOWN, True)


def test_who_alone_is_not_answered_does_not_bring_the_trunk_down_for_all_again():
    """Another worker is answered and says so: it is our own way to the trunk that is broken."""
    breaker = Breaker(answered=True)
    for _ in range(SILENCES):
        breaker = breaker.probed(0, answered=False)
    breaker = breaker.told(None, answered=True, ours=False)
    for _ in range(10):
        breaker = breaker.probed(0, answered=False)
    assert breaker.health(0) is Health.UP
    again = breaker.probed(0, answered=True)
    for _ in range(SILENCES):
        again = again.probed(0, answered=False)
    assert again.health(0) is Health.DOWN


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(1, 4)),
        st.tuples(st.just("end"), st.sampled_from([*Outcome, None])),
        st.tuples(st.just("fail"), st.integers(1, 30)),
        st.tuples(st.just("unheard"), st.integers(1, 4)),
        st.tuples(st.just("turn"), st.floats(0, 30)),
        st.tuples(st.just("probe"), st.booleans()),
        st.tuples(st.just("wait"), st.floats(0, 400)),
    ),
    max_size=80,
)


@given(STEPS)
def test_a_trunk_that_is_down_is_called_once_at_a_time_and_always_tried_again(steps):
    breaker, now, up, number = Breaker(), 0.0, [], 10
    for step, value in steps:
        match step:
            case "begin":
                for _ in range(value):
                    if breaker.allows(now) != 0:
                        number += 1
                        was = breaker.health(now)
                        breaker = breaker.began(UUID(int=number), now)
                        up.append(UUID(int=number))
                        assert was is Health.UP or breaker.allows(now) == 0
            case "end" if up:
                breaker = breaker.ended(up.pop(), value, now)
            case "fail":
                breaker = after([Outcome.FAILED] * value, breaker, now)
            case "unheard":
                for _ in range(value):
                    breaker = breaker.ended(ONE, Outcome.FAILED, now, unheard=True)
            case "turn" if breaker.health(now) is Health.TRIAL:
                breaker = breaker.tries(now + value)
            case "probe":
                breaker = breaker.probed(now, answered=value)
            case "wait":
                now += value
        assert (breaker.health(now) is Health.UP) == (breaker.allows(now) is None)
        assert breaker.health(now) is Health.UP or breaker.reason
        assert breaker.trial is None or breaker.trial in up, "a trial that is over would never be followed by another"
        if breaker.trial is None:
            later = now + LONGEST_PAUSE
            assert breaker.health(later) is Health.UP or breaker.tries(later + 1).allows(later) == 1
