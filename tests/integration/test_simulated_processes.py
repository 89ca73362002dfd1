"""Simulated days nearer to life: flows walked, numbers listed, leads that come during the day, trunks shared."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders import a_trunk
from integration.simulated import ANY_HOUR, MIDNIGHT, PLAIN, a_part, a_scenario
from leadline.calling.transfer import NO_AGENT
from leadline.domain.attempt import Outcome
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import Route
from leadline.domain.flow import Callback, Dnc, Flow, Gather, Hangup, Say, Transfer
from leadline.domain.lead import ClosedReason
from leadline.domain.policy import NINE_TO_NINE, Limit, Limits, Mode
from leadline.domain.vendor import CallType
from leadline.simulation.call import Call, Past
from leadline.simulation.customers import Reaction
from leadline.simulation.day import Day, simulate
from leadline.simulation.model import Shape, Times
from leadline.simulation.outside import Outside
from leadline.simulation.people import leads
from leadline.simulation.tally import Tally
from leadline.simulation.timeline import Timeline
from leadline.simulation.trunks import Trunks

HOUR = timedelta(hours=1)
SOON = Times(1.0, Shape.FIXED)
EVERYBODY = replace(PLAIN, answered={0: 1.0}, invalid=0.0, awaited=1.0, ring=SOON, thinks=SOON)
"""Whoever is called answers."""


def a_flow(**nodes):
    """A flow that asks, and what it does for each key."""
    given = {
        "greet": Say({"en": "x" * 140}, "ask"),
        "ask": Gather({"1": "agent", "2": "later", "9": "never", "none": "bye"}, repeat=1),
        "agent": Transfer("VoiceProcess", {"no_agent": "missed", "ended": "talked"}),
        "later": Callback(2 * HOUR, "bye"),
        "never": Dnc("bye"),
        "missed": Hangup("missed"),
        "talked": Hangup("talked"),
        "bye": Hangup("completed"),
    }
    return Flow("welcome", "greet", given | nodes)


def pressing(model=PLAIN, **keys):
    return replace(model, keys={key.strip("_"): weight for key, weight in keys.items()})


def a_message_day(model, flow=None, agents=0, **values):
    return a_scenario(Mode.MESSAGE, flow=flow or a_flow(), agents=agents, model=model, **values)


class Watched(Day):
    """A day that writes down every INVITE of a first leg: when, to whom, of which call type."""

    def __init__(self, scenario):
        super().__init__(scenario)
        self.invited = []

    def _dial(self, process, call):
        lead = call.lead
        super()._dial(process, call)
        if call.way is not None:
            self.invited.append((self._line.now, process.number, lead, call.way.trunk))


def watched(scenario):
    day = Watched(scenario)
    return day.run(), day.invited


# Flows


def test_where_no_key_is_pressed_the_day_is_that_of_calls_as_long_as_the_flow():
    silent = replace(pressing(none=1.0), message=Times(15.0, Shape.FIXED))
    plain = simulate(a_scenario(Mode.MESSAGE, agents=0, model=silent))
    walked = simulate(a_message_day(silent))
    assert walked.dispositions == {"completed": walked.answered}
    assert replace(walked, dispositions={}) == plain, "a question of ten seconds, and five of silence"


def test_customers_press_keys_as_often_as_the_model_says():
    day = simulate(a_message_day(pressing(EVERYBODY, _1=0.3, _2=0.2, _9=0.1, none=0.3, hang_up=0.1), leads=3_000))
    assert day.unserved / 3_000 == pytest.approx(0.3, abs=0.15)
    reached = day.unserved + day.callbacks + day.refused
    assert (day.refused / reached, day.callbacks / reached) == (
        pytest.approx(1 / 6, abs=0.03),
        pytest.approx(1 / 3, abs=0.03),
    )
    assert day.answered - sum(day.dispositions.values()) == pytest.approx(0.1 * day.answered, rel=0.2), "hung up"


def test_a_transfer_takes_an_agent_who_talks_and_writes_up():
    model = replace(pressing(EVERYBODY, _1=1.0), talk=Times(100.0, Shape.FIXED), wrap_up=Times(20.0, Shape.FIXED))
    day = simulate(a_message_day(model, agents=150, leads=200, trunks=(a_trunk(channels=500, cps=1),)))
    assert (day.served, day.unserved, day.dispositions) == (200, 0, {"talked": 200})
    assert day.use.on_call == pytest.approx(5 * day.use.wrap_up, rel=0.1)


def test_who_finds_no_agent_in_time_goes_on_in_the_flow():
    model = replace(pressing(EVERYBODY, _1=1.0), talk=Times(10_000.0, Shape.FIXED))
    day = simulate(a_message_day(model, agents=2, leads=10))
    assert day.dispositions == {"missed": 8, "talked": 2}
    assert (day.unserved, day.abandoned) == (8, 0)
    nobody = simulate(a_message_day(model, agents=0, leads=10))
    assert nobody.dispositions == {"missed": 10}


def test_callbacks_are_never_early_and_their_customers_are_called_again():
    ended = a_message_day(pressing(EVERYBODY, _2=1.0), leads=50, ends=MIDNIGHT + 5 * HOUR)
    day, invited = watched(ended)
    calls = defaultdict(list)
    for at, _, lead, _ in invited:
        calls[lead.id].append((at, lead.calltype))
    assert day.callbacks == len(invited) == 150
    for each in calls.values():
        assert [calltype for _, calltype in each] == [CallType.FRESH] + [CallType.GENERAL_CALLBACK] * 2
        assert all(later - earlier >= 2 * HOUR for (earlier, _), (later, _) in pairwise(each))
    assert day.late["41"].longest < 60.0


def test_whom_the_flow_has_listed_is_not_called_back():
    flow = a_flow(later=Callback(HOUR, "never"))
    day = simulate(a_message_day(pressing(EVERYBODY, _2=1.0), flow, leads=20))
    assert day.calls == day.refused == 20
    assert day.closed == {ClosedReason.DO_NOT_CALL: 20}
    awhile = a_flow(later=Callback(2 * HOUR, "never"), never=Dnc("bye", DoNotCallList.PROCESS, HOUR))
    again = simulate(a_message_day(pressing(EVERYBODY, _2=1.0), awhile, leads=20, ends=MIDNIGHT + 3 * HOUR))
    assert again.calls == 40, "the listing has expired by then"


def test_a_flow_that_goes_round_ends_with_a_customer_who_has_had_enough():
    round_ = a_flow(ask=Gather({"1": "agent", "2": "later", "9": "never", "none": "greet"}, repeat=1))
    day = simulate(a_message_day(pressing(EVERYBODY, none=1.0), round_, leads=3))
    assert day.closed == {ClosedReason.COMPLETED: 3}
    assert day.dispositions == {}


def test_a_transfer_to_a_number_takes_a_second_slot():
    flow = a_flow(agent=Transfer(None, {"no_agent": "missed", "ended": "talked"}, number="+919820000000"))
    model = replace(pressing(EVERYBODY, _1=1.0), talk=Times(60.0, Shape.FIXED))
    day = simulate(a_message_day(model, flow, leads=1))
    assert (day.served, day.peaks["telco"].channels, day.calls) == (1, 2, 1)
    full = simulate(a_message_day(model, flow, leads=1, trunks=(a_trunk(channels=1),)))
    assert full.dispositions == {"missed": 1}


@example(at=30_038_622)
@given(at=st.integers(0, 10**11))
def test_who_waits_for_a_slot_gives_up_whatever_the_time(at):
    line, told = Timeline(MIDNIGHT), []
    trunks = Trunks([a_trunk(channels=1)], line)
    outside = Outside(trunks, line, lambda _, result: told.append(result))
    (lead,) = leads("IN", 1, MIDNIGHT)
    call = Call(lead, (), Reaction(Outcome.ANSWERED, 1.0), Past(), Tally())
    policy = a_part().policy
    line.later(at / 10**6, lambda: trunks.seize([Route("telco", "1")]))
    line.later(at / 10**6, lambda: outside.connect(call, "+919820000000", policy, [a_trunk()], 20.0))
    for _ in range(30):
        line.step()
    assert told == [NO_AGENT]


def test_entries_of_several_keys_are_pressed_one_after_the_other():
    flow = a_flow(ask=Gather({"12": "later", "9": "never", "1": "agent", "none": "bye"}, digits=2, repeat=1))
    model = replace(EVERYBODY, gathers={"welcome": {"ask": {"12": 1.0}}})
    day = simulate(a_message_day(model, flow, leads=5, ends=MIDNIGHT + HOUR))
    assert day.callbacks == 5


# Do-not-call lists


def test_who_is_on_a_list_is_never_called():
    listed = replace(EVERYBODY, listed={DoNotCallList.ORGANISATION: 0.2, DoNotCallList.PROCESS: 0.1})
    day, invited = watched(a_message_day(listed, leads=2_000))
    kept = day.closed[ClosedReason.DO_NOT_CALL]
    assert kept / 2_000 == pytest.approx(0.3, abs=0.03)
    assert len({lead.id for _, _, lead, _ in invited}) == 2_000 - kept


def test_the_list_of_the_configuration_counts():
    _, invited = watched(a_message_day(EVERYBODY, leads=10))
    numbers = {lead.number for _, _, lead, _ in invited}
    some = frozenset(sorted(numbers)[:3])
    day, called = watched(a_message_day(EVERYBODY, leads=10, do_not_call=some))
    assert {lead.number for _, _, lead, _ in called} == numbers - some
    assert day.closed[ClosedReason.DO_NOT_CALL] == 3


# Leads of the day


def test_leads_come_at_their_rate_and_hot_ones_are_called_first():
    model = replace(EVERYBODY, pushed={CallType.HOT_LEAD: {0: 0.0, 1: 120.0, 3: 0.0}}, talk=Times(300.0, Shape.FIXED))
    day, invited = watched(a_scenario(model=model, leads=5_000, agents=20, ends=MIDNIGHT + 4 * HOUR))
    hot = [(at, lead) for at, _, lead, _ in invited if lead.calltype == CallType.HOT_LEAD]
    assert day.pushed == pytest.approx(240, rel=0.25)
    assert all(MIDNIGHT + HOUR <= lead.created_at < MIDNIGHT + 3 * HOUR for _, lead in hot)
    waiting = Counter()
    for at, _, lead, _ in invited:
        if lead.calltype == CallType.FRESH:
            waiting[at] = sum(other.created_at < at < rung for rung, other in hot)
    assert any(at > hot[0][0] for at in waiting), "fresh ones are called beside them"
    assert not any(waiting.values()), "no fresh lead is called while a hot one waits"


def test_pushes_are_the_same_whatever_else_there_is():
    model = replace(PLAIN, pushed={CallType.HOT_LEAD: {0: 30.0}, CallType.FRESH: {0: 10.0}})
    few, many = (watched(a_scenario(model=model, agents=agents))[1] for agents in (5, 50))
    came = [
        {lead.created_at for _, _, lead, _ in invited if lead.calltype == CallType.HOT_LEAD} for invited in (few, many)
    ]
    assert len(came[0]) > 500
    assert came[0] == came[1]


# Processes that share trunks


def keyed(servicekey, mode=Mode.PROGRESSIVE, **values):
    return a_part(mode, policy=ANY_HOUR | {"servicekey": servicekey}, **values)


def test_the_sum_of_the_processes_is_the_day():
    trunks = (a_trunk(channels=20, cps=5),)
    model = replace(pressing(_1=0.2, _2=0.1, _9=0.1, none=0.6), pushed={CallType.HOT_LEAD: {0: 10.0}})
    flow = a_flow(agent=Transfer("Sales", {"no_agent": "missed", "ended": "talked"}))
    day = simulate(
        a_scenario(
            model=model,
            parts=(
                keyed("Reminders", Mode.MESSAGE, flow=flow, agents=0, trunks=trunks),
                keyed("Sales", agents=6, leads=100, trunks=trunks),
                keyed("Ahead", Mode.PREDICTIVE, agents=5, leads=150, trunks=trunks),
            ),
        )
    )
    assert [process.name for process in day.processes] == ["Reminders", "Sales", "Ahead"]
    for name in ("leads", "pushed", "agents", "calls", "answered", "abandoned", "served", "unserved", "callbacks",
                 "refused", "left_open"):  # fmt: skip
        assert getattr(day, name) == sum(getattr(process, name) for process in day.processes), name
    for name in ("closed", "attempts", "dispositions"):
        counted = Counter()
        for process in day.processes:
            counted.update(getattr(process, name))
        assert dict(counted) == getattr(day, name), name
    assert day.processes[0].served > 0, "by the agents of Sales"
    assert day.leads == 650 + day.pushed
    assert sum(point.calls for point in day.course) == day.calls


def test_a_second_process_on_other_trunks_changes_nothing_for_the_first():
    own, others = (a_trunk(name="own", channels=20, cps=5),), (a_trunk(name="others", channels=20, cps=5),)
    alone = simulate(a_scenario(parts=(keyed("First", trunks=own),)))
    beside = simulate(a_scenario(parts=(keyed("First", trunks=own), keyed("Second", trunks=others, agents=3))))
    first = beside.processes[0]
    assert (first.attempts, first.closed, first.served) == (alone.attempts, alone.closed, alone.served)
    assert first.finished == alone.finished


limits = st.tuples(st.integers(1, 6), st.integers(1, 5))


@settings(max_examples=12, deadline=None)
@given(first=limits, second=limits, seed=st.integers(0, 99))
def test_trunks_never_carry_more_than_they_may_whoever_calls(first, second, seed):
    trunks = tuple(
        a_trunk(name=name, channels=channels, cps=cps)
        for name, (channels, cps) in (("first", first), ("second", second))
    )
    flow = a_flow(agent=Transfer(None, {"no_agent": "missed", "ended": "talked"}, number="+919820000000"))
    model = pressing(_1=0.3, _2=0.1, none=0.6)
    parts = (
        keyed("Messages", Mode.MESSAGE, flow=flow, agents=0, leads=40, trunks=trunks),
        keyed("Sales", leads=30, agents=4, trunks=trunks[::-1]),
        keyed("Ahead", Mode.PREDICTIVE, leads=30, agents=3, trunks=trunks[1:]),
    )
    day = simulate(a_scenario(parts=parts, model=model, seed=seed))
    for name, (channels, cps) in (("first", first), ("second", second)):
        if name in day.peaks:
            assert day.peaks[name].channels <= channels
            assert day.peaks[name].cps <= cps
    assert day.left_open == 0


def test_the_same_seed_is_the_same_day_with_everything_in_it():
    model = replace(pressing(_1=0.2, _2=0.1, _9=0.1, none=0.6), pushed={CallType.HOT_LEAD: {0: 10.0}},
                    breaks=Times(600.0), listed={DoNotCallList.PROCESS: 0.1})  # fmt: skip
    flow = a_flow(agent=Transfer("Sales", {"no_agent": "missed", "ended": "talked"}))
    parts = (
        keyed("Reminders", Mode.MESSAGE, flow=flow, agents=0, leads=200),
        a_part(agents=6, leads=100, policy=ANY_HOUR | {"servicekey": "Sales", "limits": Limits(Limit(day=2))}),
    )
    first, again, other = (
        msgspec.json.encode(simulate(a_scenario(parts=parts, model=model, seed=seed))) for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_agents_who_are_only_asked_by_transfer_are_pushed_nothing():
    model = replace(pressing(EVERYBODY, _1=1.0), pushed={CallType.HOT_LEAD: {0: 5.0}})
    flow = a_flow(agent=Transfer("Sales", {"no_agent": "missed", "ended": "talked"}))
    along = keyed("Sales", Mode.PREDICTIVE, agents=30, leads=0, taken_along=True)
    day = simulate(a_scenario(model=model, parts=(keyed("Reminders", Mode.MESSAGE, flow=flow, agents=0), along)))
    assert (day.processes[1].leads, day.processes[1].calls) == (0, 0)
    assert day.processes[1].use.on_call > 0
    assert day.attempts == {Outcome.ANSWERED: day.leads}


def test_processes_whose_leads_waited_for_the_same_hour_share_a_trunk_from_its_first_minutes():
    """Else the one would have all of it until it has nothing left."""
    line = (a_trunk(channels=2, cps=2),)
    parts = tuple(
        a_part(
            Mode.MESSAGE, {"calling_hours": NINE_TO_NINE, "servicekey": key}, line, flow=a_flow(), leads=60, agents=0
        )
        for key in ("One", "Other")
    )
    day = simulate(a_scenario(parts=parts, model=EVERYBODY))
    one, other = (each.finished for each in day.processes)
    assert abs(one - other) < timedelta(minutes=2)
    assert day.finished - day.began > timedelta(minutes=10)
