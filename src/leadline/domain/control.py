"""What an operator's word makes of a lead: closed as cancelled, or called at another time."""

from datetime import datetime
from typing import Final

from leadline.domain.events import EventKind
from leadline.domain.lead import ClosedReason, Lead, LeadState, advance
from leadline.domain.telling import Told, told

WAITING: Final = frozenset({LeadState.AWAITING_PROMPT, LeadState.SCHEDULED, LeadState.OFFERED})
"""States in which a lead may be closed by a word, with nobody to be hung up on."""
MOVABLE: Final = frozenset({LeadState.AWAITING_PROMPT, LeadState.SCHEDULED})
"""States in which a lead's time may be changed: one that is offered is on an agent's desk already."""
CANCELLED: Final = "cancelled by hand"
RESCHEDULED: Final = "rescheduled by hand"


def cancelled(lead: Lead, now: datetime) -> Told:
    """The lead closed; raises IllegalMove if it is closed already."""
    state, reason = advance(lead.state, LeadState.CLOSED), ClosedReason.CANCELLED
    closed = lead.but(state=state, closed_reason=reason, due_at=None, held_by=None)
    return told(closed, now, (EventKind.LEAD_CLOSED, {"reason": reason, "why": CANCELLED}))


def rescheduled(lead: Lead, due_at: datetime, now: datetime) -> Told:
    """The lead due at another time; a rule that held it judges it anew when that has come.

    What was last pushed stays as it is, so that the same push, sent again, does not undo it.
    """
    waits = lead.state is LeadState.AWAITING_PROMPT
    kind = EventKind.LEAD_AWAITING_PROMPT if waits else EventKind.LEAD_SCHEDULED
    return told(lead.but(due_at=due_at, held_by=None), now, (kind, {"due_at": due_at, "reason": RESCHEDULED}))
