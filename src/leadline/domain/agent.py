"""An agent's presence: its states, its legal moves, and what an agent may ask for.

Presence is one state per login: what the agent asks for (`ready`, `paused`, `logged_out`) and what the work makes of
it (`reserved`, `on_call`, `wrap_up`) are moves of one table.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from leadline.domain.errors import IllegalMove
from leadline.domain.lead import Lead
from leadline.domain.policy import AgentRules, Fallback, Mode, ProcessPolicy
from leadline.domain.vendor import CallType


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

LOOK_AGAIN: Final = timedelta(minutes=5)
"""When a lead is looked at again that waits for its agent; one who becomes ready is given it at once."""

ASKABLE: Final = (Presence.READY, Presence.PAUSED, Presence.LOGGED_OUT)
"""What an agent may ask to be; the rest is what work makes of them."""


def own_agent(lead: Lead, policy: ProcessPolicy, presences: Mapping[str, Presence]) -> Presence | None:
    """Where the agent is whom a call to the lead waits for; None if it waits for nobody in particular.

    `presences` has who has ever logged in. One who is none of the process's agents is as good as logged out.
    """
    login = lead.userlogin
    if policy.mode not in (Mode.PROGRESSIVE, Mode.PREDICTIVE) or lead.calltype != CallType.CALLBACK or login is None:
        return None
    return presences.get(login, Presence.LOGGED_OUT) if login in policy.users else Presence.LOGGED_OUT


def given_up(lead: Lead, rules: AgentRules, now: datetime) -> bool:
    """Whether a callback has waited long enough for its own agent, and others may take it."""
    asked_for = lead.call_at or lead.scheduled_by
    return rules.callback_fallback is not Fallback.WAIT and now >= asked_for + rules.callback_grace


def away(lead: Lead, rules: AgentRules, presence: Presence, now: datetime) -> tuple[str, datetime] | None:
    """Why a callback waits for its own agent, and when it is looked at again; None if it waits no more."""
    if presence is Presence.READY or given_up(lead, rules, now):
        return None
    again, said = now + LOOK_AGAIN, f"{lead.userlogin} is {presence}"
    if rules.callback_fallback is Fallback.WAIT:
        return f"{said}: the call is theirs alone (callback_fallback: wait)", again
    until = (lead.call_at or lead.scheduled_by) + rules.callback_grace
    who = "anybody" if rules.callback_fallback is Fallback.ANY else "a supervisor"
    return f"{said}: {who} may call from {until:%Y-%m-%d %H:%M:%S} UTC on", min(again, until)


def freed(current: Presence, *, wraps_up: bool) -> Presence:
    """The presence when the call is over, or came to nothing, for which an agent was taken."""
    if current is Presence.RESERVED:
        return advance(current, Presence.READY)
    after = advance(current, Presence.WRAP_UP)
    return after if wraps_up else advance(after, Presence.READY)


def advance(current: Presence, wanted: Presence) -> Presence:
    """The presence after a move; raises IllegalMove for one that `AGENT_MOVES` does not have."""
    if wanted not in AGENT_MOVES[current]:
        raise IllegalMove("agent", current, wanted)
    return wanted


def asked(current: Presence, wanted: Presence) -> Presence:
    """The presence after an agent's own word; raises IllegalMove.

    To be what one is already is no move, nor is to be ready when one is taken for a customer; whoever logs in as ready
    passes through paused.
    """
    if wanted not in ASKABLE:
        raise IllegalMove("agent", current, wanted)
    if wanted is current or (current is Presence.RESERVED and wanted is Presence.READY):
        return current
    if current is Presence.LOGGED_OUT and wanted is Presence.READY:
        return advance(advance(current, Presence.PAUSED), wanted)
    return advance(current, wanted)
