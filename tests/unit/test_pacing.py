"""How many calls to have ringing: never more than the cap allows by the model, never past it whatever happens."""

from math import comb, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.pacing import (
    CAP,
    CAP_DAYS,
    Day,
    Floor,
    Measures,
    abandoned,
    ahead,
    handled,
    room_under_cap,
    rung,
    wanted,
)
from leadline.domain.policy import Mode

TODAY = 739_000
agents = st.integers(0, 20)
shares = st.floats(0.0, 1.0)


def chances(trials, p):
    """The binomial distribution, as it is written down."""
    return [comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(trials + 1)]


def missed(calls, ready, busy, rate, freed):
    """Customers that nobody is free for, on average, by every way in which it can come."""
    return sum(
        chance * other * max(0, answers - ready - more)
        for answers, chance in enumerate(chances(calls, rate))
        for more, other in enumerate(chances(busy, freed))
    )


def measured(rate=0.3, calls=1_000, ring=9.0, silence=20.0, handling=200.0, answered=100_000, gone=0):
    return Measures(
        calls=calls, rate=rate, answers=calls, ring=ring, silences=calls, silence=silence, handled=calls,
        handling=handling, days={TODAY: Day(answered, gone)},
    )  # fmt: skip


def test_a_message_process_dials_what_its_trunks_take():
    assert wanted(Mode.MESSAGE, Floor(0), Measures(), TODAY) is None


@pytest.mark.parametrize("mode", [Mode.PREVIEW, Mode.PROGRESSIVE])
@given(ready=agents, busy=agents, waiting=agents)
def test_one_call_for_each_agent_whom_nobody_waits_for(mode, ready, busy, waiting):
    assert wanted(mode, Floor(ready, busy, waiting), measured(), TODAY) == max(0, ready - waiting)


@given(ready=agents, busy=agents, rate=st.floats(0.05, 1.0), freed=shares, cap=st.floats(0.0, 0.2))
def test_by_the_model_no_greater_share_of_the_answers_is_abandoned_than_the_cap(ready, busy, rate, freed, cap):
    calls = ahead(ready, busy, rate, freed, cap)
    assert calls == ready or missed(calls, ready, busy, rate, freed) <= cap * calls * rate + 1e-9


@given(ready=agents, busy=agents, rate=st.floats(0.05, 1.0), freed=st.floats(0.0, 0.5))
def test_one_call_more_would_pass_the_cap_or_bring_more_answers_than_agents(ready, busy, rate, freed):
    steps = 128  # what is found is to the safe side by a step of each chance, so it is asked at the step itself
    rate, freed = int(rate * steps) / steps or 1 / steps, int(freed * steps) / steps
    more = ahead(ready, busy, rate, freed) + 1
    too_many = more * rate > ready + busy * freed + 1e-9
    assert too_many or missed(more, ready, busy, rate, freed) > CAP * more * rate - 1e-9


@given(ready=agents, busy=agents, rate=st.floats(0.05, 1.0), freed=shares)
def test_more_agents_who_are_ready_never_mean_fewer_calls(ready, busy, rate, freed):
    assert ahead(ready, busy, rate, freed) < ahead(ready + 1, busy, rate, freed)


@given(ready=agents, gone=st.integers(0, 4_000), waiting=st.integers(0, 3), busy=agents)
def test_nor_do_they_in_what_is_wanted(ready, gone, waiting, busy):
    measures = measured(gone=gone)
    few, many = (wanted(Mode.PREDICTIVE, Floor(each, busy, waiting), measures, TODAY) for each in (ready, ready + 1))
    assert few <= many


@given(ready=agents)
def test_where_everybody_answers_it_is_progressive(ready):
    assert ahead(ready, 0, 1.0, 0.0) == ready
    assert wanted(Mode.PREDICTIVE, Floor(ready), measured(rate=1.0), TODAY) == ready


@given(ready=agents, busy=agents)
def test_where_nothing_is_known_it_is_progressive(ready, busy):
    assert wanted(Mode.PREDICTIVE, Floor(ready, busy), Measures(), TODAY) == ready


@given(rate=st.floats(0.05, 1.0), busy=agents)
def test_nobody_is_called_for_agents_who_are_not_there_nor_soon_will_be(rate, busy):
    assert ahead(0, 0, rate, 0.0) == 0
    assert ahead(0, busy, rate, 0.0) == 0


def test_it_dials_ahead_where_few_answer_and_further_for_agents_who_are_soon_free():
    measures = measured()
    idle = wanted(Mode.PREDICTIVE, Floor(10), measures, TODAY)
    assert idle > 2 * 10
    assert wanted(Mode.PREDICTIVE, Floor(10, busy=40), measures, TODAY) > idle
    assert wanted(Mode.PREDICTIVE, Floor(0, busy=100), measures, TODAY) > 0


@given(answered=st.integers(0, 5_000), gone=st.integers(0, 150), ready=agents, busy=agents)
def test_if_nobody_more_came_free_the_cap_would_still_hold(answered, gone, ready, busy):
    calls = wanted(Mode.PREDICTIVE, Floor(ready, busy), measured(answered=answered, gone=gone), TODAY)
    assert calls == ready or gone + (calls - ready) <= CAP * answered


def test_the_nearer_the_cap_the_nearer_to_progressive():
    calls = [wanted(Mode.PREDICTIVE, Floor(10), measured(answered=1_000, gone=gone), TODAY) for gone in range(31)]
    assert calls == sorted(calls, reverse=True)
    assert calls[0] > calls[-1] == 10


def test_customers_who_wait_for_an_agent_take_up_what_may_be_abandoned():
    measures = measured(answered=1_000)
    assert wanted(Mode.PREDICTIVE, Floor(0, 200, waiting=30), measures, TODAY) == 0
    assert wanted(Mode.PREDICTIVE, Floor(5, 0, waiting=5), measures, TODAY) == 0


def test_the_cap_counts_thirty_days_and_not_a_day_longer():
    measures = Measures(days={TODAY - CAP_DAYS: Day(10_000, 0), TODAY: Day(100, 1)})
    assert room_under_cap(measures, TODAY) == 2
    assert room_under_cap(Measures(days={TODAY - 1: Day(1_000, 0), TODAY: Day(100, 1)}), TODAY) == 32


def test_a_good_day_that_is_about_to_leave_the_count_gives_no_room():
    oldest = TODAY - CAP_DAYS + 1
    assert room_under_cap(Measures(days={oldest: Day(10_000, 0), TODAY: Day(100, 3)}), TODAY) == 0


def test_the_measures_follow_what_happens():
    measures = Measures()
    for number in range(1_000):
        measures = rung(measures, answered=number % 4 == 0, seconds=8.0 if number % 4 == 0 else 24.0, day=TODAY)
        measures = handled(measures, 180.0)
    measures = abandoned(measures, TODAY)
    assert measures.rate == pytest.approx(0.25, abs=0.01)
    assert measures.ring == pytest.approx(8.0)
    assert measures.silence == pytest.approx(24.0)
    assert measures.freed == pytest.approx(1 - exp(-8.0 / 180.0))
    assert measures.days == {TODAY: Day(250, 1)}
    assert measures.rate * 8 / (measures.rate * 8 + (1 - measures.rate) * 24) < measures.chance < 0.16


def test_days_that_no_longer_count_are_forgotten():
    measures = rung(Measures(days={TODAY - CAP_DAYS: Day(5, 5)}), answered=True, seconds=1.0, day=TODAY)
    assert measures.days == {TODAY: Day(1, 0)}
