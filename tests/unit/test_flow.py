"""The flow is walked as its author wrote it: questions repeat, keys count, nothing goes round for ever."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.flow import (
    Begun,
    Callback,
    Connect,
    Dnc,
    EndCall,
    Flow,
    FlowState,
    Gather,
    Hangup,
    Listen,
    ListNumber,
    Play,
    Played,
    Pressed,
    PromiseCallback,
    Say,
    Silence,
    StopListening,
    StopPlaying,
    Transfer,
    TransferEnded,
    step,
    validate,
)

SECONDS_5 = timedelta(seconds=5)


def welcome(**gather):
    return Flow(
        "welcome",
        "greet",
        {
            "greet": Say({"en": "Hello {{ fname }}"}, then="ask"),
            "ask": Gather(on={"1": "agent", "2": "later", "none": "bye"}, **gather),
            "agent": Transfer("sales", on={"no_agent": "bye", "ended": "bye"}),
            "later": Callback(timedelta(hours=2), then="bye"),
            "bye": Hangup("completed"),
        },
    )


def walk(flow, *events):
    state, done = FlowState(), []
    for event in (Begun(), *events):
        state, actions = step(flow, state, event)
        done.append(actions)
    return state, done


def test_a_listed_key_leads_to_its_node():
    state, done = walk(welcome(), Played(), Pressed("2"))
    assert done == [
        [Play("greet")],
        [Listen(SECONDS_5)],
        [StopListening(), PromiseCallback(timedelta(hours=2)), EndCall("completed")],
    ]
    assert state.path == ("greet", "ask", "later", "bye")
    assert state.digits == "2"


def test_a_key_during_the_question_counts_and_silences_it():
    state, done = walk(welcome(), Pressed("1"))
    assert done[-1][0] == StopPlaying()
    assert done[-1][-1] == Connect(welcome().nodes["agent"])
    assert state.digits == "1"


def test_without_barge_in_a_key_during_the_question_is_not_heard():
    state, done = walk(welcome(barge_in=False), Pressed("1"), Played(), Pressed("2"))
    assert done[1] == []
    assert state.digits == "2"


def test_silence_plays_the_question_repeat_times_in_all_then_takes_none():
    state, done = walk(welcome(repeat=3), Played(), Silence(), Played(), Silence(), Played(), Silence())
    plays = [action for actions in done for action in actions if isinstance(action, Play)]
    assert plays == [Play("greet")] * 3
    assert done[-1] == [StopListening(), EndCall("completed")]
    assert state.path == ("greet", "ask", "bye")


def test_an_unlisted_key_is_as_silence():
    _, done = walk(welcome(repeat=2), Played(), Pressed("9"), Played(), Pressed("8"))
    assert done[2] == [StopListening(), Play("greet")]
    assert done[-1] == [StopListening(), EndCall("completed")]


def test_a_key_during_the_repeated_question_counts():
    state, done = walk(welcome(), Played(), Silence(), Pressed("2"))
    assert done[-1][0] == StopPlaying()
    assert state.digits == "2"


def test_an_entry_of_several_digits_ends_by_count_by_hash_or_by_time():
    flow = Flow(
        "pin",
        "ask",
        {"ask": Gather(on={"12": "two", "any": "other", "none": "bye"}, digits=3), "two": Hangup("two"),
         "other": Hangup("other"), "bye": Hangup("none")},
    )  # fmt: skip
    assert walk(flow, Pressed("1"), Pressed("2"), Pressed("#"))[1][-1][-1] == EndCall("two")
    assert walk(flow, Pressed("1"), Pressed("2"), Silence())[1][-1][-1] == EndCall("two")
    assert walk(flow, Pressed("1"), Pressed("2"), Pressed("3"))[1][-1][-1] == EndCall("other")


def test_nobody_to_talk_to_takes_its_own_way():
    state, done = walk(welcome(), Pressed("1"), TransferEnded("no_agent"))
    assert done[-1] == [EndCall("completed")]
    assert state.path[-2:] == ("agent", "bye")


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ({"greet": Say({"": "x"}, then="nowhere")}, "there is no node 'nowhere'"),
        ({"greet": Hangup(), "island": Hangup()}, "nothing leads to this node"),
        ({"greet": Gather(on={"1": "greet"})}, "'none' must have a node to go to"),
        ({"greet": Say({"": "x"}, then="greet")}, "no way through this flow ends in a hangup"),
        (
            {"greet": Gather(on={"1": "a", "none": "end"}), "a": Callback(SECONDS_5, "b"),
             "b": Callback(SECONDS_5, "a"), "end": Hangup()},
            "these nodes go round for ever: nothing in the circle waits for the customer",
        ),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_be_walked_is_refused(nodes, problem):
    assert problem in [found.problem for found in validate(Flow("f", "greet", nodes))]


def test_a_start_that_is_not_there_is_refused():
    assert validate(Flow("f", "nowhere", {"a": Hangup()}))[0].key == "start"


EVENTS = st.lists(
    st.one_of(
        st.just(Played()),
        st.just(Silence()),
        st.builds(Pressed, st.sampled_from("0123456789*#")),
        st.just(TransferEnded("no_agent")),
    ),
    max_size=40,
)


@given(EVENTS, st.booleans(), st.integers(1, 4), st.integers(1, 3))
def test_no_order_of_events_breaks_the_walk(events, barge_in, repeat, digits):
    flow = welcome(barge_in=barge_in, repeat=repeat, digits=digits)
    assert validate(flow) == []
    state, done = walk(flow, *events)
    plays = sum(isinstance(action, Play) for actions in done for action in actions)
    assert plays <= repeat
    assert state.path[0] == "greet"
    assert set(state.path) <= set(flow.nodes)
    ends = sum(isinstance(action, EndCall) for actions in done for action in actions)
    assert ends == (1 if state.node == "bye" else 0)


def test_a_number_is_listed_on_the_way_and_the_call_goes_on():
    never = Dnc("bye", DoNotCallList.PROCESS, timedelta(days=365))
    state, done = walk(Flow("f", "never", {"never": never, "bye": Hangup("never")}))
    assert done == [[ListNumber(DoNotCallList.PROCESS, timedelta(days=365)), EndCall("never")]]
    assert state.path == ("never", "bye")


def test_nodes_that_take_no_time_must_not_go_round():
    flow = Flow("f", "a", {"a": Dnc("b"), "b": Callback(timedelta(hours=1), "a")})
    assert {problem.node for problem in validate(flow)} == {"a", "b"}
