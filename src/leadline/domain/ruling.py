"""What the rules make of a lead that they do not let be called now: it is closed, or held until it may be."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from leadline.domain.eligibility import Verdict, delaying, forbidding
from leadline.domain.events import EventKind
from leadline.domain.lead import Lead, LeadState, advance

LOOK_AGAIN: Final = timedelta(hours=1)
"""When a lead is looked at again that is held by a rule which cannot say how long."""


class Ruling(Struct, frozen=True):
    """The lead as it is now, and what is to be said of that."""

    lead: Lead
    said: Sequence[tuple[EventKind, Mapping[str, Any]]]


def ruled(lead: Lead, verdicts: Sequence[Verdict], now: datetime) -> Ruling | None:
    """What these verdicts make of a lead that is due; None if they let it be called."""
    if verdict := forbidding(verdicts):
        return closed(lead, verdict, now)
    if verdict := delaying(verdicts):
        return _held(lead, verdict, now)
    return None


def closed(lead: Lead, verdict: Verdict, now: datetime) -> Ruling:
    """The lead closed by a verdict that never lets it be called."""
    state = advance(lead.state, LeadState.CLOSED)
    over = lead.but(state=state, closed_reason=verdict.closes, due_at=None, held_by=None, updated_at=now)
    data = {"reason": verdict.closes, "rule": verdict.rule, "why": verdict.reason}
    return Ruling(over, [(EventKind.LEAD_CLOSED, data)])


def _held(lead: Lead, verdict: Verdict, now: datetime) -> Ruling:
    """A lead is held by a rule for as long as that says, which is told once."""
    state = advance(lead.state, LeadState.SCHEDULED) if lead.state is LeadState.OFFERED else lead.state
    due_at = verdict.until or now + LOOK_AGAIN
    held = lead.but(state=state, due_at=due_at, held_by=verdict.rule, updated_at=now)
    data = {"rule": verdict.rule, "reason": verdict.reason, "until": verdict.until}
    return Ruling(held, [(EventKind.LEAD_HELD, data)] if lead.held_by != verdict.rule else [])
