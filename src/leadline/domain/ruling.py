"""What the rules make of a lead that they do not let be called now: it is closed, or held until it may be."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from leadline.domain.eligibility import Verdict, delaying, forbidding
from leadline.domain.events import EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.telling import Told, told

LOOK_AGAIN: Final = timedelta(hours=1)
"""When a lead is looked at again that is held by a rule which cannot say how long."""


def ruled(lead: Lead, verdicts: Sequence[Verdict], now: datetime) -> Told | None:
    """What these verdicts make of a lead that is due; None if they let it be called."""
    if verdict := forbidding(verdicts):
        return closed(lead, verdict, now)
    if verdict := delaying(verdicts):
        return _held(lead, verdict, now)
    return None


def closed(lead: Lead, verdict: Verdict, now: datetime) -> Told:
    """The lead closed by a verdict that never lets it be called."""
    state = advance(lead.state, LeadState.CLOSED)
    over = lead.but(state=state, closed_reason=verdict.closes, due_at=None, held_by=None)
    data = {"reason": verdict.closes, "rule": verdict.rule, "why": verdict.reason}
    return told(over, now, (EventKind.LEAD_CLOSED, data))


def _held(lead: Lead, verdict: Verdict, now: datetime) -> Told:
    """A lead is held by a rule for as long as that says, which is told once."""
    state = advance(lead.state, LeadState.SCHEDULED) if lead.state is LeadState.OFFERED else lead.state
    due_at = verdict.until or now + LOOK_AGAIN
    held = lead.but(state=state, due_at=due_at, held_by=verdict.rule)
    if lead.held_by == verdict.rule:
        return told(held, now)
    return told(
        held, now, (EventKind.LEAD_HELD, {"rule": verdict.rule, "reason": verdict.reason, "until": verdict.until})
    )
