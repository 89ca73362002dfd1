"""A lead: a customer to be reached, from the push that opened it to its closing, and again."""

from enum import StrEnum
from typing import Final

from leadline.domain.errors import IllegalMove
from leadline.domain.vendor import AWAITING_SPEECH


class LeadState(StrEnum):
    """Where a lead is on its way."""

    AWAITING_PROMPT = "awaiting_prompt"
    SCHEDULED = "scheduled"
    OFFERED = "offered"
    DIALING = "dialing"
    CONNECTED = "connected"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"


class ClosedReason(StrEnum):
    """Why an opening of a lead ended."""

    COMPLETED = "completed"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    NOT_DIALABLE = "not_dialable"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    DO_NOT_CALL = "do_not_call"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    DISPOSITION = "disposition"


LEAD_MOVES: Final[dict[LeadState, frozenset[LeadState]]] = {
    LeadState.AWAITING_PROMPT: frozenset({LeadState.SCHEDULED, LeadState.CLOSED}),
    LeadState.SCHEDULED: frozenset({LeadState.AWAITING_PROMPT, LeadState.OFFERED, LeadState.DIALING, LeadState.CLOSED}),
    LeadState.OFFERED: frozenset({LeadState.DIALING, LeadState.SCHEDULED, LeadState.CLOSED}),
    LeadState.DIALING: frozenset({LeadState.CONNECTED, LeadState.SCHEDULED, LeadState.CLOSED}),
    LeadState.CONNECTED: frozenset({LeadState.WRAP_UP, LeadState.SCHEDULED, LeadState.CLOSED}),
    LeadState.WRAP_UP: frozenset({LeadState.SCHEDULED, LeadState.CLOSED}),
    LeadState.CLOSED: frozenset({LeadState.SCHEDULED, LeadState.AWAITING_PROMPT}),
}
"""Every legal move; one out of `closed` begins a new opening."""

ON_THE_PHONE: Final = frozenset({LeadState.DIALING, LeadState.CONNECTED, LeadState.WRAP_UP})
"""States in which a push may change what is known of a customer, but not when they are called."""


def advance(current: LeadState, wanted: LeadState) -> LeadState:
    """The state after a move; raises IllegalMove for one that `LEAD_MOVES` does not have."""
    if wanted not in LEAD_MOVES[current]:
        raise IllegalMove("lead", current, wanted)
    return wanted


def status_number(state: LeadState, calltype: int) -> int:
    """The vendor's status: 10500 while the audio is being made, else the call type's number."""
    return AWAITING_SPEECH if state is LeadState.AWAITING_PROMPT else calltype
