"""Simulated days: the same seed, the same day; no call against the rules; abandonment as Erlang and the cap have it."""

from dataclasses import replace
from datetime import time, timedelta
from functools import partial
from itertools import accumulate
from math import exp
from random import Random

import msgspec
import pytest

from builders import NOON, a_trunk
from integration.simulated import ANY_HOUR, MIDNIGHT, a_scenario
from leadline.calling.transfer import NO_AGENT
from leadline.domain.attempt import Outcome
from leadline.domain.errors import ConfigurationError
from leadline.domain.lead import ClosedReason
from leadline.domain.pacing import AGENT_WITHIN, CAP
from leadline.domain.policy import CallingHours, Limit, Limits, Mode, RetryPolicy, RetryRule, Window
from leadline.simulation.call import Call, Past
from leadline.simulation.customers import Customers
from leadline.simulation.day import simulate
from leadline.simulation.desk import Desk, Tell
from leadline.simulation.model import Model, Shape, Times
from leadline.simulation.people import leads
from leadline.simulation.tally import Tally
from leadline.simulation.timeline import Timeline


def exponential(mean):
    return Times(mean, Shape.EXPONENTIAL)


MEMORYLESS = Model(
    listed={}, answered={0: 0.3}, talk=exponential(150.0), wrap_up=exponential(30.0), ring=exponential(8.0), invalid=0.0
)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_same_seed_is_the_same_day_to_the_byte(mode):
    first, again, other = (msgspec.json.encode(simulate(a_scenario(mode, seed=seed))) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@pytest.mark.parametrize("mode", list(Mode))
def test_every_lead_comes_to_one_end(mode):
    day = simulate(a_scenario(mode))
    assert day.left_open == 0
    assert sum(day.closed.values()) == day.leads
    assert day.answered == day.closed[ClosedReason.COMPLETED]
    assert day.finished is not None
    assert sum(point.calls for point in day.course) == day.calls
    if mode is not Mode.MESSAGE:
        assert day.served + day.abandoned == day.answered
        assert sum((day.use.on_call, day.use.wrap_up, day.use.ready, day.use.reserved, day.use.away)) == pytest.approx(
            1
        )


def test_nobody_is_called_outside_calling_hours_and_who_waits_is_called_when_they_open():
    hours = CallingHours(days=((Window(time(10), time(11)),),) * 7)
    day = simulate(a_scenario(policy={"calling_hours": hours}, agents=2, ends=MIDNIGHT + timedelta(days=2)))
    assert day.began == MIDNIGHT + timedelta(hours=10)
    called = [point.at - MIDNIGHT for point in day.course if point.calls]
    assert {at // timedelta(hours=1) for at in called} == {10, 34}


def test_no_call_is_begun_at_the_end_and_those_that_are_up_are_seen_through():
    end = MIDNIGHT + timedelta(minutes=20)
    day = simulate(a_scenario(agents=3, ends=end))
    assert day.finished is None
    assert day.left_open == day.leads - sum(day.closed.values()) > 0
    assert max(point.at for point in day.course if point.calls) < end
    assert day.served == day.answered


def test_the_retry_rules_are_those_of_calls():
    never = RetryPolicy(busy=None, no_answer=None, failed=None)
    day = simulate(a_scenario(policy=ANY_HOUR | {"retry": never}))
    assert day.calls - day.attempts.get(Outcome.CONGESTION, 0) == day.leads
    thrice = RetryPolicy(no_answer=RetryRule(timedelta(minutes=1), 2), max_attempts=3)
    nobody = Model(answered={0: 0.0}, unanswered={Outcome.NO_ANSWER: 1.0}, invalid=0.0, listed={})
    day = simulate(a_scenario(policy=ANY_HOUR | {"retry": thrice}, model=nobody))
    assert day.attempts == {Outcome.NO_ANSWER: 3 * day.leads}
    assert day.closed == {ClosedReason.ATTEMPTS_EXHAUSTED: day.leads}


def test_a_limit_of_attempts_a_day_holds():
    nobody = Model(answered={0: 0.0}, unanswered={Outcome.NO_ANSWER: 1.0}, invalid=0.0, listed={})
    limited = ANY_HOUR | {"limits": Limits(per_lead=Limit(day=1))}
    day = simulate(a_scenario(policy=limited, model=nobody))
    assert day.calls == day.leads


def test_trunks_carry_no_more_than_they_are_said_to():
    narrow = (a_trunk(name="first", channels=3, cps=2), a_trunk(name="second", channels=4, cps=5))
    day = simulate(a_scenario(Mode.MESSAGE, trunks=narrow, agents=0))
    assert (day.peaks["first"].channels, day.peaks["second"].channels) == (3, 4)
    assert day.peaks["first"].cps <= 2
    assert day.peaks["second"].cps <= 5


def test_two_settings_meet_the_same_customers():
    model = Model()
    first, again = (Customers(model, 7, timedelta(seconds=30)) for _ in range(2))
    met = [first.react(customer, 1, 12) for customer in range(50)]
    assert met == [again.react(customer, 1, 12) for customer in reversed(range(50))][::-1]
    assert met != [again.react(customer, 2, 12) for customer in range(50)]


@pytest.mark.parametrize("region", ["IN", "US", "GB", "DE", "BR"])
def test_customers_have_numbers_of_their_own(region):
    made = list(leads(region, 1_500, NOON))
    assert len({lead.number for lead in made}) == 1_500


def test_no_one_is_abandoned_by_a_progressive_process_but_for_agents_who_go():
    assert simulate(a_scenario(agents=30)).abandoned == 0
    restless = Model(breaks=exponential(60.0), pause=Times(120.0, Shape.FIXED))
    day = simulate(a_scenario(agents=3, model=restless))
    assert day.use.away > 0.2
    assert day.abandoned > 0


def test_an_agent_who_goes_while_looking_at_a_preview_leaves_it_to_another():
    restless = Model(breaks=exponential(60.0), pause=Times(30.0, Shape.FIXED), invalid=0.0, listed={})
    day = simulate(a_scenario(Mode.PREVIEW, agents=3, leads=100, model=restless))
    assert day.left_open == 0
    assert day.use.away > 0.1


def test_previews_that_find_the_trunks_full_are_dialed_later():
    day = simulate(a_scenario(Mode.PREVIEW, leads=100, trunks=(a_trunk(channels=2, cps=1),)))
    assert day.left_open == 0
    assert day.peaks["telco"].channels == 2


# Erlang


def abandoning(agents, arrivals, handling, patience):
    """Share that abandons of Poisson arrivals a second, with memoryless handling and a patience that all have.

    M/M/n+D: Zeltyn and Mandelbaum, Call centers with impatient customers, Queueing Systems 51 (2005); Erlang's
    loss formula where the patience is 0.
    """
    load, rate = arrivals * handling, agents / handling
    terms = list(accumulate(range(1, agents), lambda term, k: term * load / k, initial=1.0))
    net = arrivals - rate
    waited = (exp(net * patience) - 1.0) / net + exp(net * patience) / rate
    return (1.0 + net * waited) / (sum(terms) / terms[-1] + arrivals * waited)


def erlang_b(agents, load):
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def test_the_formula_is_erlangs_where_nobody_waits():
    assert abandoning(20, 0.1, 180.0, 0.0) == pytest.approx(erlang_b(20, 18.0))


@pytest.mark.parametrize(("agents", "load"), [(5, 4.0), (20, 18.0), (50, 49.0)])
def test_answers_that_come_at_random_are_abandoned_as_the_formula_says(agents, load):
    handling, arrivals = 20.0, 20_000
    quick = Model(
        answered={0: 1.0}, invalid=0.0, ring=Times(5.0, Shape.FIXED), talk=exponential(handling), wrap_up=Times(0.0)
    )
    line, tally, gone = Timeline(MIDNIGHT), Tally(), []
    customers, random = Customers(quick, 3, timedelta(seconds=30)), Random(5)  # noqa: S311  (always the same)
    nothing = lambda *_: None  # noqa: E731
    desk = Desk(agents, quick, line, random, Tell(lambda _, told: gone.append(told), nothing, nothing, nothing))
    (lead,) = leads("IN", 1, MIDNIGHT)
    patience = AGENT_WITHIN.total_seconds()

    def answer(number):
        desk.connect(Call(lead, (), customers.react(number, 1, 0), Past(), tally), patience)
        if number < arrivals:
            line.later(random.expovariate(load / handling), partial(answer, number + 1))

    line.later(0.0, partial(answer, 1))
    while line.step():
        pass
    expected = abandoning(agents, load / handling, handling, patience)
    assert gone.count(NO_AGENT) / arrivals == pytest.approx(expected, rel=0.2)
    assert len(tally.waits) + gone.count(NO_AGENT) == arrivals
    assert expected < 0.9 * erlang_b(agents, load), "some are served who wait"


@pytest.mark.parametrize("agents", [8, 25])
def test_predictive_abandons_no_more_than_answers_at_random_would_and_keeps_agents_busier_than_progressive(agents):
    hours = 2
    scenario = a_scenario(
        Mode.PREDICTIVE, agents=agents, leads=150 * agents, model=MEMORYLESS, ends=MIDNIGHT + timedelta(hours=hours)
    )
    day = simulate(scenario)
    assert day.left_open > 0, "there was somebody to call to the end"
    assert 0.0 < day.abandonment <= CAP
    assert day.abandonment <= erlang_b(agents, day.answered / (hours * 3_600.0) * 180.0)
    (part,) = scenario.parts
    progressive = simulate(replace(scenario, parts=(replace(part, mode=Mode.PROGRESSIVE),)))
    assert progressive.abandoned == 0
    assert day.use.on_call > 1.05 * progressive.use.on_call


def test_over_a_month_the_cap_holds_at_every_moment():
    hours = CallingHours(days=((Window(time(9), time(9, 30)),),) * 7)
    month = a_scenario(
        Mode.PREDICTIVE, policy={"calling_hours": hours}, agents=5, leads=1_500, ends=MIDNIGHT + timedelta(days=30)
    )
    result = simulate(month)
    answered = list(accumulate(point.answered for point in result.course))
    abandoned = list(accumulate(point.abandoned for point in result.course))
    assert len({point.at.date() for point in result.course if point.answered}) > 20
    assert result.abandoned > 10
    assert [at for at, (all_, gone) in enumerate(zip(answered, abandoned, strict=True)) if gone > CAP * all_] == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"agents": 0}, "--agents"),
        ({"trunks": None, "mode": Mode.PREDICTIVE, "policy": {"ring_timeout": timedelta(seconds=14)}}, "ring_timeout"),
        ({"ends": MIDNIGHT}, "--until"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_remedy(values, said):
    with pytest.raises(ConfigurationError, match=said):
        a_scenario(**values)
