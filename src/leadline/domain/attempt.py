"""An attempt: one INVITE and what came of it."""

from enum import StrEnum
from typing import Final

from leadline.domain.errors import IllegalMove


class AttemptState(StrEnum):
    """How far an attempt has come."""

    CREATED = "created"
    ORIGINATING = "originating"
    RINGING = "ringing"
    ANSWERED = "answered"
    IN_FLOW = "in_flow"
    WAITING_AGENT = "waiting_agent"
    BRIDGED = "bridged"
    ENDED = "ended"


ATTEMPT_MOVES: Final[dict[AttemptState, frozenset[AttemptState]]] = {
    AttemptState.CREATED: frozenset({AttemptState.ORIGINATING, AttemptState.ENDED}),
    # A carrier may answer without ringing first.
    AttemptState.ORIGINATING: frozenset({AttemptState.RINGING, AttemptState.ANSWERED, AttemptState.ENDED}),
    AttemptState.RINGING: frozenset({AttemptState.ANSWERED, AttemptState.ENDED}),
    AttemptState.ANSWERED: frozenset({AttemptState.IN_FLOW, AttemptState.ENDED}),
    AttemptState.IN_FLOW: frozenset({AttemptState.WAITING_AGENT, AttemptState.ENDED}),
    AttemptState.WAITING_AGENT: frozenset({AttemptState.IN_FLOW, AttemptState.BRIDGED, AttemptState.ENDED}),
    # An agent who hangs up leaves the customer to the flow.
    AttemptState.BRIDGED: frozenset({AttemptState.IN_FLOW, AttemptState.ENDED}),
    AttemptState.ENDED: frozenset(),
}


class Outcome(StrEnum):
    """What an attempt came to, in the words of the retry rules."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    INVALID_NUMBER = "invalid_number"
    CONGESTION = "congestion"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"
    """The customer answered, was called ahead of the agents, and nobody spoke to them in time."""

    @property
    def told(self) -> "Outcome":
        """What came back for the INVITE, as the API and the metrics tell it: who was abandoned has answered."""
        return Outcome.ANSWERED if self is Outcome.ABANDONED else self


def advance(current: AttemptState, wanted: AttemptState) -> AttemptState:
    """The state after a move; raises IllegalMove for one that `ATTEMPT_MOVES` does not have."""
    if wanted not in ATTEMPT_MOVES[current]:
        raise IllegalMove("attempt", current, wanted)
    return wanted


CONGESTION_CAUSES: Final = frozenset({34, 38, 41, 42, 44})
"""Q.850: no circuit, network out of order, temporary failure, switching congestion, channel not available."""

_BY_STATUS: Final = {
    486: Outcome.BUSY,
    600: Outcome.BUSY,
    408: Outcome.NO_ANSWER,
    480: Outcome.NO_ANSWER,
    603: Outcome.REJECTED,
    607: Outcome.REJECTED,
    404: Outcome.INVALID_NUMBER,
    410: Outcome.INVALID_NUMBER,
    484: Outcome.INVALID_NUMBER,
    604: Outcome.INVALID_NUMBER,
    503: Outcome.CONGESTION,
}

_BY_CAUSE_OVER_480: Final = {17: Outcome.BUSY, 19: Outcome.NO_ANSWER}

OK: Final = 200


def outcome_of(sip_status: int | None, cause: int | None, *, answered: bool, ring_timeout: bool) -> Outcome:
    """What a final answer means for the customer, by the table of outcomes in docs/outcomes.md.

    `cause` is the Q.850 number of a Reason header (RFC 3326). A congestion cause speaks of the network,
    whatever status came with it; causes 17 and 19 decide over a bare 480.
    """
    if answered:
        return Outcome.ANSWERED
    if ring_timeout:
        return Outcome.NO_ANSWER
    if cause in CONGESTION_CAUSES:
        return Outcome.CONGESTION
    if sip_status == 480 and cause in _BY_CAUSE_OVER_480:  # noqa: PLR2004  (SIP's own number)
        return _BY_CAUSE_OVER_480[cause]
    return _BY_STATUS.get(sip_status or 0, Outcome.FAILED)
