"""The tables of legal moves are closed, every state is reached, and no other move is possible."""

import pytest

from leadline.domain import agent, attempt, lead
from leadline.domain.agent import AGENT_MOVES, Presence
from leadline.domain.attempt import ATTEMPT_MOVES, AttemptState
from leadline.domain.errors import IllegalMove
from leadline.domain.lead import LEAD_MOVES, LeadState

MACHINES = [
    pytest.param(LEAD_MOVES, LeadState, {LeadState.AWAITING_PROMPT, LeadState.SCHEDULED}, lead.advance, id="lead"),
    pytest.param(ATTEMPT_MOVES, AttemptState, {AttemptState.CREATED}, attempt.advance, id="attempt"),
    pytest.param(AGENT_MOVES, Presence, {Presence.LOGGED_OUT}, agent.advance, id="agent"),
]


@pytest.mark.parametrize(("moves", "states", "first", "advance"), MACHINES)
def test_the_table_is_closed(moves, states, first, advance):
    assert set(moves) == set(states)
    assert all(targets <= set(states) for targets in moves.values())


@pytest.mark.parametrize(("moves", "states", "first", "advance"), MACHINES)
def test_every_state_is_reached_from_the_first(moves, states, first, advance):
    reached, waiting = set(first), list(first)
    while waiting:
        for target in moves[waiting.pop()] - reached:
            reached.add(target)
            waiting.append(target)
    assert reached == set(states)


@pytest.mark.parametrize(("moves", "states", "first", "advance"), MACHINES)
def test_an_end_is_reached_from_every_state(moves, states, first, advance):
    end = {LeadState: LeadState.CLOSED, AttemptState: AttemptState.ENDED, Presence: Presence.LOGGED_OUT}[states]
    for state in states:
        reached, waiting = {state}, [state]
        while waiting:
            for target in moves[waiting.pop()] - reached:
                reached.add(target)
                waiting.append(target)
        assert end in reached


@pytest.mark.parametrize(("moves", "states", "first", "advance"), MACHINES)
def test_only_the_moves_of_the_table_are_made(moves, states, first, advance):
    for current in states:
        for wanted in states:
            if wanted in moves[current]:
                assert advance(current, wanted) is wanted
            else:
                with pytest.raises(IllegalMove, match=f"is {current} cannot become {wanted}"):
                    advance(current, wanted)
