"""An agent's presence: its states, its legal moves, and what an agent may ask for.

Presence is one state per login: what the agent asks for (`ready`, `paused`, `logged_out`) and what the work makes of
it (`reserved`, `on_call`, `wrap_up`) are moves of one table.
"""

from enum import StrEnum
from typing import Final

from leadline.domain.errors import IllegalMove


class Presence(StrEnum):
    """Where an agent is."""

    LOGGED_OUT = "logged_out"
    PAUSED = "paused"
    READY = "ready"
    RESERVED = "reserved"
    """A customer is being called for the agent, or the agent for a customer."""
    ON_CALL = "on_call"
    WRAP_UP = "wrap_up"


AGENT_MOVES: Final[dict[Presence, frozenset[Presence]]] = {
    Presence.LOGGED_OUT: frozenset({Presence.PAUSED}),
    Presence.PAUSED: frozenset({Presence.READY, Presence.LOGGED_OUT}),
    Presence.READY: frozenset({Presence.PAUSED, Presence.RESERVED, Presence.LOGGED_OUT}),
    Presence.RESERVED: frozenset({Presence.ON_CALL, Presence.READY, Presence.PAUSED, Presence.LOGGED_OUT}),
    Presence.ON_CALL: frozenset({Presence.WRAP_UP}),
    Presence.WRAP_UP: frozenset({Presence.READY, Presence.PAUSED, Presence.LOGGED_OUT}),
}
"""Every legal move. A reservation that comes to nothing goes back."""

ASKABLE: Final = (Presence.READY, Presence.PAUSED, Presence.LOGGED_OUT)
"""What an agent may ask to be; the rest is what work makes of them."""


def advance(current: Presence, wanted: Presence) -> Presence:
    """The presence after a move; raises IllegalMove for one that `AGENT_MOVES` does not have."""
    if wanted not in AGENT_MOVES[current]:
        raise IllegalMove("agent", current, wanted)
    return wanted


def asked(current: Presence, wanted: Presence) -> Presence:
    """The presence after an agent's own word; raises IllegalMove.

    To be what one is already is no move; whoever logs in as ready passes through paused.
    """
    if wanted not in ASKABLE:
        raise IllegalMove("agent", current, wanted)
    if wanted is current:
        return current
    if current is Presence.LOGGED_OUT and wanted is Presence.READY:
        return advance(advance(current, Presence.PAUSED), wanted)
    return advance(current, wanted)
