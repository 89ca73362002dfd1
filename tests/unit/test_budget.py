"""A trunk's budget: never more calls up than channels, never more INVITEs in a sliding second than cps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.calling.budget import ASK_AGAIN, WINDOW, YIELD, TrunkBudget
from leadline.store.trunks import Use


class Watch:
    """A clock that goes on only when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def a_call(budget):
    assert budget.reserve()
    budget.sent()


def test_channels_bound_the_calls_up():
    budget = TrunkBudget(channels=2, cps=10, time=Watch())
    a_call(budget)
    a_call(budget)
    assert not budget.reserve()
    assert budget.wait is None
    budget.release()
    assert budget.reserve()


def test_cps_bounds_the_invites_of_a_second_and_says_how_long_to_wait():
    watch = Watch()
    budget = TrunkBudget(channels=10, cps=2, time=watch)
    a_call(budget)
    watch.now += 0.4
    a_call(budget)
    assert not budget.reserve()
    watch.now += budget.wait
    assert budget.reserve()


def test_a_slot_that_was_not_used_is_given_back_whole():
    budget = TrunkBudget(channels=1, cps=1, time=Watch())
    assert budget.reserve()
    assert not budget.reserve()
    budget.unused()
    assert budget.free == 1


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from(["begin", "end", "wait"]), st.floats(0, 2)), max_size=60),
)
def test_no_sequence_of_calls_exceeds_a_limit(channels, cps, steps):
    watch = Watch()
    budget = TrunkBudget(channels, cps, watch)
    up, sent = 0, []
    for step, seconds in steps:
        if step == "begin" and budget.reserve():
            budget.sent()
            up += 1
            sent.append(watch.now)
        elif step == "end" and up:
            budget.release()
            up -= 1
        elif step == "wait":
            watch.now += seconds
        assert up <= channels
        assert all(sum(at <= other < at + 1 for other in sent) <= cps for at in sent)


def test_what_others_hold_is_off_the_limits():
    budget = TrunkBudget(channels=5, cps=4, time=Watch())
    budget.told(Use(up=3, sent=1, wait=0.4))
    assert budget.free == 2
    budget.told(Use(up=0, sent=3, wait=0.4))
    assert budget.free == 1


def test_what_others_hold_is_believed_until_it_may_have_changed():
    watch = Watch()
    budget = TrunkBudget(channels=2, cps=10, time=watch)
    budget.told(Use(up=2, sent=0, wait=None))
    assert budget.hope == 0
    assert budget.wait == pytest.approx(ASK_AGAIN)
    watch.now += ASK_AGAIN
    assert budget.hope == 2
    assert not budget.reserve(), "hope is enough to ask, and no slot"


def test_invites_of_others_are_waited_for_as_long_as_they_count():
    watch = Watch()
    budget = TrunkBudget(channels=10, cps=2, time=watch)
    budget.told(Use(up=1, sent=2, wait=0.7))
    assert budget.hope == 0
    assert budget.wait == pytest.approx(0.7)
    watch.now += 0.7
    assert budget.hope == 2


def test_a_trunk_on_trial_takes_one_call():
    allowed = [1]
    budget = TrunkBudget(channels=10, cps=10, time=Watch(), allowed=lambda: allowed[0])
    assert budget.reserve()
    assert not budget.reserve()
    allowed[0] = 0
    budget.sent()
    assert budget.free == 0
    allowed[0] = None
    assert budget.free == 9


def test_who_has_all_of_a_trunk_asks_last_where_others_may_want_it():
    watch = Watch()
    alone, beside, sharing = (TrunkBudget(channels=10, cps=2, time=watch) for _ in range(3))
    for budget in (alone, beside):
        a_call(budget)
        a_call(budget)
    beside.told(Use(up=0, sent=0, wait=None, others=1))
    a_call(sharing)
    sharing.told(Use(up=1, sent=1, wait=WINDOW, others=1))
    assert alone.wait == pytest.approx(WINDOW)
    assert beside.wait == pytest.approx(WINDOW + YIELD)
    watch.now += WINDOW + YIELD / 4 + 0.001
    assert (alone.free, beside.free, sharing.hope) == (2, 0, 2)


def test_two_workers_share_a_trunk_though_one_always_hears_first():
    """What one has sent the other knows later, so that it never is the first to find a slot free."""
    watch, late, cps = Watch(), 0.02, 5
    budgets = {name: TrunkBudget(100, cps, watch) for name in ("first", "second")}
    sent: list[tuple[str, float]] = []
    while watch.now < 160.0:
        for name, budget in budgets.items():
            if budget.hope <= 0 or (name == "second" and watch.now < 102.0):
                continue
            known = [at + late for who, at in sent if who != name and at + late > watch.now - WINDOW]
            wait = min(known) + WINDOW - watch.now if known else None
            budget.told(Use(up=0, sent=len(known), wait=wait, others=1))
            if budget.reserve():
                budget.sent()
                budget.release()
                sent.append((name, watch.now))
        watch.now += 0.004
    instants = [at for _, at in sent]
    assert max(sum(at <= other < at + 1 for other in instants) for at in instants) <= cps
    assert len(sent) > 0.8 * cps * 60, "what they share is little less than what one would have"
    shares = {name: sum(who == name for who, _ in sent) / len(sent) for name in budgets}
    assert min(shares.values()) > 0.4, shares
