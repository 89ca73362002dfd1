"""What an operator's word makes of a lead: closed as cancelled, or called at another time."""

from datetime import datetime
from typing import Final

from leadline.domain.events import Event, EventKind
from leadline.domain.lead import ClosedReason, Lead, LeadState, advance

WAITING: Final = frozenset({LeadState.AWAITING_PROMPT, LeadState.SCHEDULED, LeadState.OFFERED})
"""States in which a lead may be closed by a word, with nobody to be hung up on."""
MOVABLE: Final = frozenset({LeadState.AWAITING_PROMPT, LeadState.SCHEDULED})
"""States in which a lead's time may be changed: one that is offered is on an agent's desk already."""
CANCELLED: Final = "cancelled by hand"
RESCHEDULED: Final = "rescheduled by hand"


def cancelled(lead: Lead, now: datetime) -> tuple[Lead, Event]:
    """The lead closed, its event counted; raises IllegalMove if it is closed already."""
    closed = lead.but(
        state=advance(lead.state, LeadState.CLOSED),
        closed_reason=ClosedReason.CANCELLED,
        due_at=None,
        held_by=None,
        events=lead.events + 1,
        updated_at=now,
    )
    data = {"reason": ClosedReason.CANCELLED, "why": CANCELLED}
    return closed, Event(lead.organisation_id, lead.id, lead.opening, now, EventKind.LEAD_CLOSED, data)


def rescheduled(lead: Lead, due_at: datetime, now: datetime) -> tuple[Lead, Event]:
    """The lead due at another time, its event counted; a rule that held it judges it anew when that has come.

    What was last pushed stays as it is, so that the same push, sent again, does not undo it.
    """
    moved = lead.but(due_at=due_at, held_by=None, events=lead.events + 1, updated_at=now)
    waits = lead.state is LeadState.AWAITING_PROMPT
    kind = EventKind.LEAD_AWAITING_PROMPT if waits else EventKind.LEAD_SCHEDULED
    return moved, Event(
        lead.organisation_id, lead.id, lead.opening, now, kind, {"due_at": due_at, "reason": RESCHEDULED}
    )
