"""What a push makes of a lead, whatever has become of it: legal moves only, and never two due rows of a kind."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOON, NUMBER, a_lead, a_policy, a_process, a_record
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import Facts, forbidden
from leadline.domain.events import EventKind
from leadline.domain.lead import LEAD_MOVES, ON_THE_PHONE, ClosedReason, LeadState
from leadline.domain.offer import is_agreed
from leadline.domain.policy import Direction
from leadline.domain.upsert import Action, Desk, DueKind, decide, due_rows
from leadline.domain.value import Refusal
from leadline.domain.vendor import CallType, Media

HOUR = timedelta(hours=1)
TERMINAL = EventKind.LEAD_CLOSED


def a_desk(*, speaks=False, listed=frozenset(), media=Media.VOICE_OUT, at=NOON, requested_at=NOON, **policy):
    process = a_process(policy=a_policy(**policy))

    def forbids(lead):
        on = DoNotCallList.ORGANISATION if lead.number in listed else None
        return forbidden(Facts(lead, process.policy, process.trunks, on, None, at))

    return Desk(
        organisation_id=1,
        process_id=1,
        media=media,
        requested_at=requested_at,
        now=at,
        policy=process.policy,
        speaks=speaks,
        spoken=frozenset({"fname", "city"}) if speaks else frozenset(),
        forbids=forbids,
    )


def carrying(**columns):
    return a_record(carried={**a_record().carried, **columns})


def kinds(decision):
    return [kind for kind, _ in decision.events]


def test_a_new_lead_is_created_and_due():
    decision = decide(None, a_record(calltype=CallType.HOT_LEAD), a_desk(), 9)
    assert (decision.action, decision.lead.id, decision.lead.calltype) == (Action.CREATED, 9, 5)
    assert due_rows(decision.lead) == [(DueKind.CALL, NOON)]
    assert kinds(decision) == [EventKind.LEAD_CREATED, EventKind.LEAD_SCHEDULED]


def test_a_past_time_is_due_now_and_a_later_one_then():
    assert decide(None, a_record(call_at=NOON - HOUR), a_desk(), 9).lead.due_at == NOON
    assert decide(None, a_record(call_at=NOON + HOUR), a_desk(), 9).lead.due_at == NOON + HOUR


def test_a_new_lead_whose_flow_speaks_waits_for_its_audio():
    decision = decide(None, a_record(call_at=NOON + HOUR), a_desk(speaks=True), 9)
    assert due_rows(decision.lead) == [(DueKind.PROMPT, NOON)]
    assert decision.events[1:] == ((EventKind.LEAD_AWAITING_PROMPT, {"due_at": NOON + HOUR}),)


def test_a_preview_is_scheduled_and_waits_for_its_agent():
    decision = decide(None, a_record(calltype=CallType.PREVIEW), a_desk(), 9)
    assert decision.lead.state is LeadState.SCHEDULED
    assert due_rows(decision.lead) == [(DueKind.OFFER, NOON)]


def test_a_push_that_changes_nothing_writes_nothing():
    lead = a_lead(asked_calltype=1001)
    decision = decide(lead, a_record(), a_desk(at=NOON + HOUR), 0)
    assert (decision.action, decision.events) == (Action.UNCHANGED, ())
    assert decision.lead is lead


@pytest.mark.parametrize("state", sorted(ON_THE_PHONE | {LeadState.OFFERED}))
def test_a_lead_with_somebody_on_it_keeps_its_place(state):
    lead = a_lead(state=state)
    click = a_record(calltype=CallType.HOT_LEAD, call_at=NOON + HOUR, carried={"name": "x"})
    decision = decide(lead, click, a_desk(requested_at=NOON + HOUR), 0)
    assert decision.action is Action.UPDATED
    assert "calldatetime and calltype not taken" in decision.note
    assert (decision.lead.state, decision.lead.calltype, decision.lead.due_at) == (state, 1001, NOON)


def test_a_lead_on_an_agents_desk_is_taken_back_by_a_push_that_asks_for_another_call():
    lead = a_lead(state=LeadState.OFFERED, due_at=None, calltype=CallType.PREVIEW, asked_calltype=CallType.PREVIEW)
    renamed = decide(lead, carrying(name="x"), a_desk(), 0)
    assert (renamed.lead.state, renamed.lead.due_at, kinds(renamed)) == ("offered", None, [EventKind.LEAD_UPDATED])
    decision = decide(lead, a_record(calltype=CallType.HOT_LEAD), a_desk(at=NOON + HOUR), 0)
    assert (decision.lead.state, decision.lead.calltype, decision.lead.due_at) == ("scheduled", 5, NOON + HOUR)
    assert kinds(decision) == [EventKind.LEAD_UPDATED, EventKind.LEAD_SCHEDULED]
    assert decision.note is None


def test_a_hold_ends_where_the_number_or_the_zone_changes():
    held = a_lead(due_at=NOON + 20 * HOUR, held_by="calling_hours")
    moved = decide(held, carrying(timezone="Asia/Dubai"), a_desk(), 0).lead
    assert (moved.due_at, moved.held_by) == (NOON, None)
    waiting = a_lead(due_at=NOON + HOUR)
    assert decide(waiting, carrying(timezone="Asia/Dubai"), a_desk(), 0).lead.due_at == NOON + HOUR


def test_a_retry_keeps_its_time_when_the_number_changes():
    other = "+919812345678"
    lead = a_lead(due_at=NOON + HOUR)
    decision = decide(lead, carrying(mobilenumber=other, number=other, number_key=other), a_desk(), 0)
    assert (decision.lead.number, decision.lead.due_at) == (other, NOON + HOUR)
    assert kinds(decision) == [EventKind.LEAD_UPDATED]


def test_another_medium_takes_the_call_away_and_brings_it_back():
    lead = a_lead(call_at=NOON + HOUR, due_at=NOON + HOUR)
    mailed = decide(lead, a_record(), a_desk(media=Media.EMAIL_OUT), 0)
    assert (mailed.action, due_rows(mailed.lead)) == (Action.UPDATED, [])
    called = decide(mailed.lead, a_record(), a_desk(), 0)
    assert due_rows(called.lead) == [(DueKind.CALL, NOON + HOUR)]


def test_an_expiry_before_the_stored_call_time_is_refused():
    lead = a_lead(call_at=NOON + 2 * HOUR, due_at=NOON + 2 * HOUR)
    with pytest.raises(Refusal) as caught:
        decide(lead, carrying(expires_at=NOON + HOUR), a_desk(), 0)
    assert (caught.value.code, caught.value.field) == ("15", "expirydatetime")
    with pytest.raises(Refusal):
        decide(a_lead(expires_at=NOON + HOUR), a_record(call_at=NOON + 2 * HOUR), a_desk(), 0)
    with pytest.raises(Refusal):
        decide(None, carrying(expires_at=NOON - HOUR), a_desk(), 9)


def test_the_same_expiry_pushed_again_when_it_has_passed_is_no_fault():
    lead = a_lead(state=LeadState.CLOSED, closed_reason=ClosedReason.EXPIRED, expires_at=NOON, due_at=None)
    assert decide(lead, carrying(expires_at=NOON), a_desk(at=NOON + HOUR), 0).action is Action.UNCHANGED


def test_a_lead_that_expires_before_it_could_ring_is_stored_closed():
    record = a_record(call_at=NOON - 2 * HOUR, carried={**a_record().carried, "expires_at": NOON - HOUR})
    decision = decide(None, record, a_desk(), 9)
    assert (decision.action, decision.lead.closed_reason) == (Action.STORED_NOT_DIALABLE, ClosedReason.EXPIRED)


def test_a_click_on_a_reached_customer_who_is_listed_now_opens_and_closes_in_one():
    lead = a_lead(state=LeadState.CLOSED, closed_reason=ClosedReason.COMPLETED, due_at=None)
    desk = a_desk(listed=frozenset({NUMBER}), requested_at=NOON + HOUR)
    decision = decide(lead, a_record(calltype=CallType.HOT_LEAD), desk, 0)
    assert (decision.action, decision.lead.closed_reason) == (Action.STORED_NOT_DIALABLE, ClosedReason.DO_NOT_CALL)
    assert kinds(decision) == [EventKind.LEAD_REOPENED, EventKind.LEAD_CLOSED]
    assert decision.lead.opening == 2


NUMBERS = st.sampled_from([NUMBER, "+919812345678", None])
TIMES = st.none() | st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)


@st.composite
def records(draw):
    number = draw(NUMBERS)
    carried = {"mobilenumber": number or "12", "number": number, "number_key": number or "12"}
    if draw(st.booleans()):
        carried["fname"] = draw(st.sampled_from(["Asha", "Usha", None]))
    if expires_at := draw(TIMES):
        carried["expires_at"] = expires_at
    fields = draw(st.dictionaries(st.sampled_from(["city", "City ", "x"]), st.sampled_from(["a", 1, True, None])))
    return a_record(
        key="1", carried=carried, fields=fields, calltype=draw(st.none() | st.sampled_from(CallType)),
        call_at=draw(TIMES),
    )  # fmt: skip


DESKS = st.builds(
    a_desk,
    speaks=st.booleans(),
    listed=st.sampled_from([frozenset(), frozenset({NUMBER})]),
    media=st.sampled_from([Media.VOICE_OUT, Media.VOICE_IN, Media.SMS_OUT]),
    requested_at=st.integers(0, 3).map(lambda n: NOON + n * HOUR),
    direction=st.sampled_from([Direction.OUTBOUND, Direction.INBOUND]),
)
DIALER = st.sampled_from(LeadState)
STEPS = st.lists(st.tuples(records(), DESKS, DIALER), min_size=1, max_size=8)


def dialed_on(lead, wanted):
    """The lead as another stage may leave it between two pushes."""
    if wanted not in LEAD_MOVES[lead.state] or lead.state is LeadState.CLOSED:
        return lead
    closed = wanted is LeadState.CLOSED
    return replace(
        lead,
        state=wanted,
        closed_reason=ClosedReason.COMPLETED if closed else None,
        due_at=None if closed else lead.due_at,
    )


def decided(lead, record, desk):
    try:
        return decide(lead, record, desk, 9)
    except Refusal as refusal:
        return refusal.code


@given(STEPS)
def test_whatever_is_pushed_a_lead_makes_legal_moves_and_has_one_due_row_of_a_kind(steps):
    lead, open_openings = None, 0
    for record, desk, wanted in steps:
        decision = decided(lead, record, desk)
        if decision == "15":
            continue
        before, after = lead, decision.lead
        assert (decision.action is Action.UNCHANGED) == (not decision.events)
        if before is not None:
            reopened = EventKind.LEAD_REOPENED in kinds(decision)
            assert after.opening == before.opening + reopened
            if reopened:
                assert before.state is LeadState.CLOSED
            elif after.state is not before.state:
                taken_back = before.state is LeadState.OFFERED
                assert after.state in LEAD_MOVES[LeadState.SCHEDULED if taken_back else before.state] | (
                    {LeadState.SCHEDULED} if taken_back else set()
                )
            if before.state in ON_THE_PHONE or is_agreed(before):
                assert after.state is before.state
                assert after.due_at == before.due_at
        open_openings += sum(kind in (EventKind.LEAD_CREATED, EventKind.LEAD_REOPENED) for kind in kinds(decision))
        open_openings -= kinds(decision).count(TERMINAL)
        assert open_openings == (after.state is not LeadState.CLOSED)
        assert (after.closed_reason is None) == (after.state is not LeadState.CLOSED)
        rows = due_rows(after)
        assert len({kind for kind, _ in rows}) == len(rows)
        if after.state is LeadState.CLOSED:
            assert rows == []
        lead = dialed_on(after, wanted)
        open_openings -= lead.state is LeadState.CLOSED and after.state is not LeadState.CLOSED


@given(records(), DESKS)
def test_the_same_push_twice_is_unchanged_the_second_time(record, desk):
    first = decided(None, record, desk)
    if first == "15":
        return
    second = decide(first.lead, record, desk, 0)
    assert (second.action, second.events) == (Action.UNCHANGED, ())
    assert second.lead is first.lead
