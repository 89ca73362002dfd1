"""An offer goes to the lead's own agent, else to who has waited longest, and to nobody who has passed on it."""

from hypothesis import given
from hypothesis import strategies as st

from builders import NOON, a_lead
from leadline.domain.events import EventKind
from leadline.domain.lead import LeadState
from leadline.domain.offer import Passed, agreed, choose, is_agreed, offered, passed
from leadline.domain.upsert import DueKind, due_rows

PREVIEW = a_lead(calltype=71)
LOGINS = st.lists(st.sampled_from("abcdef"), unique=True)


def test_an_offered_lead_has_nothing_due_until_its_agent_agrees():
    shown, [(_, event)] = offered(PREVIEW, "asha", NOON, NOON)
    assert (shown.state, due_rows(shown), is_agreed(shown)) == (LeadState.OFFERED, [], False)
    assert (event.kind, event.data) == (EventKind.LEAD_OFFERED, {"login": "asha", "until": NOON})
    wanted, [(_, event)] = agreed(shown, "asha", NOON)
    assert (wanted.state, due_rows(wanted), is_agreed(wanted)) == (LeadState.OFFERED, [(DueKind.AGREED, NOON)], True)
    assert (event.kind, wanted.events) == (EventKind.LEAD_AGREED, 2)


def test_what_is_passed_on_is_to_be_offered_again_at_once():
    shown, _ = offered(PREVIEW, "asha", NOON, NOON)
    back, [(_, event)] = passed(shown, "asha", Passed.SKIPPED, NOON)
    assert (back.state, due_rows(back)) == (LeadState.SCHEDULED, [(DueKind.OFFER, NOON)])
    assert event.data == {"login": "asha", "reason": "skipped"}


def test_a_lead_of_one_agent_is_offered_to_that_one_before_all_others():
    assert choose("bela", ["asha", "bela"], {"asha"}, ()) == "bela"
    assert choose("bela", ["asha"], (), ()) is None
    assert choose("bela", ["asha", "bela"], {"asha"}, ("bela",)) == "asha"


def test_without_an_agent_of_its_own_it_is_the_longest_idle_of_the_process():
    assert choose(None, ["cara", "asha", "bela"], {"bela", "asha"}, ()) == "asha"


@given(st.none() | st.sampled_from("abcdef"), LOGINS, LOGINS, LOGINS)
def test_nobody_is_chosen_who_is_not_ready_or_has_passed(own, ready, pool, passed_by):
    login = choose(own, ready, pool, passed_by)
    asked = set(ready) - set(passed_by)
    if login is None:
        assert not asked & {*pool, own}
    else:
        assert login in asked
        assert login == own or login in pool
