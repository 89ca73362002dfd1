"""An agent's own word, what a call leaves of them, and how long a callback is theirs alone."""

from datetime import timedelta

import pytest

from builders import NOON, a_lead
from leadline.domain.agent import ASKABLE, LOOK_AGAIN, Presence, asked, away, freed, given_up
from leadline.domain.errors import IllegalMove
from leadline.domain.policy import AgentRules, Fallback

GRACE = timedelta(minutes=15)
WAIT, ANY = AgentRules(callback_grace=GRACE), AgentRules(callback_grace=GRACE, callback_fallback=Fallback.ANY)
CALLBACK = a_lead(calltype=21, userlogin="asha", call_at=NOON)


@pytest.mark.parametrize("presence", ASKABLE)
def test_to_be_what_one_is_already_is_no_move(presence):
    assert asked(presence, presence) is presence


def test_whoever_logs_in_as_ready_is_ready():
    assert asked(Presence.LOGGED_OUT, Presence.READY) is Presence.READY


def test_one_who_is_taken_for_a_customer_stays_so_by_saying_ready():
    assert asked(Presence.RESERVED, Presence.READY) is Presence.RESERVED


@pytest.mark.parametrize("presence", ASKABLE)
def test_nobody_leaves_a_call_by_a_word(presence):
    with pytest.raises(IllegalMove, match="on_call"):
        asked(Presence.ON_CALL, presence)


@pytest.mark.parametrize("presence", sorted(set(Presence) - set(ASKABLE)))
def test_what_work_makes_of_an_agent_cannot_be_asked_for(presence):
    with pytest.raises(IllegalMove):
        asked(Presence.READY, presence)


@pytest.mark.parametrize(
    ("current", "wraps_up", "after"),
    [
        (Presence.RESERVED, True, Presence.READY),
        (Presence.ON_CALL, True, Presence.WRAP_UP),
        (Presence.ON_CALL, False, Presence.READY),
    ],
)
def test_the_end_of_a_call_frees_its_agent(current, wraps_up, after):
    assert freed(current, wraps_up=wraps_up) is after


@pytest.mark.parametrize("presence", sorted(set(Presence) - {Presence.READY}))
def test_a_callback_waits_for_its_agent_who_is_not_ready(presence):
    assert away(CALLBACK, WAIT, presence, NOON) == (
        f"asha is {presence}: the call is theirs alone (callback_fallback: wait)", NOON + LOOK_AGAIN,
    )  # fmt: skip


def test_a_callback_whose_agent_is_ready_waits_no_more():
    assert away(CALLBACK, WAIT, Presence.READY, NOON) is None


def test_after_the_grace_time_anybody_may_call():
    last = NOON + GRACE - timedelta(seconds=1)
    reason, until = away(CALLBACK, ANY, Presence.PAUSED, last)
    assert (until, "anybody may call from 2026-11-24 06:45:00 UTC on" in reason) == (NOON + GRACE, True)
    assert away(CALLBACK, ANY, Presence.PAUSED, NOON + GRACE) is None
    assert (given_up(CALLBACK, ANY, last), given_up(CALLBACK, ANY, NOON + GRACE)) == (False, True)


def test_a_process_that_waits_gives_nobody_s_callback_away():
    assert not given_up(CALLBACK, WAIT, NOON + timedelta(days=365))


def test_a_callback_without_a_time_of_its_own_waits_from_its_push():
    assert given_up(a_lead(calltype=21, userlogin="asha", call_at=None), ANY, NOON + GRACE)
