"""What an offer makes of a lead: shown to an agent, passed on, or agreed to and then dialed.

A lead that is offered has nothing due until its agent says that it is to be dialed.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from leadline.domain.events import EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.telling import Told, told


class Passed(StrEnum):
    """Why an offer went on to the next agent."""

    SKIPPED = "skipped"
    TIMEOUT = "timeout"
    AWAY = "away"


def offered(lead: Lead, login: str, until: datetime, now: datetime) -> Told:
    """The lead on an agent's desk; raises IllegalMove if it does not wait to be dialed."""
    shown = lead.but(state=advance(lead.state, LeadState.OFFERED), due_at=None, held_by=None)
    return told(shown, now, (EventKind.LEAD_OFFERED, {"login": login, "until": until}))


def passed(lead: Lead, login: str, reason: Passed, now: datetime) -> Told:
    """The lead to be offered again, to somebody else first; raises IllegalMove if it is not offered."""
    back = lead.but(state=advance(lead.state, LeadState.SCHEDULED), due_at=now, held_by=None)
    return told(back, now, (EventKind.LEAD_OFFER_PASSED, {"login": login, "reason": reason}))


def agreed(lead: Lead, login: str, now: datetime) -> Told:
    """The lead that its agent wants dialed: due at once."""
    return told(lead.but(due_at=now), now, (EventKind.LEAD_AGREED, {"login": login}))


def is_agreed(lead: Lead) -> bool:
    """Whether an agent has said that the lead is to be dialed."""
    return lead.state is LeadState.OFFERED and lead.due_at is not None


def choose(own: str | None, ready: Sequence[str], pool: Collection[str], passed_by: Collection[str]) -> str | None:
    """Which of the ready agents, longest idle first, a lead is offered to; None: none of these now.

    Its own agent before all others, else the first of the pool; nobody who has passed on it.
    """
    asked = [login for login in ready if login not in passed_by]
    if own in asked:
        return own
    return next((login for login in asked if login in pool), None)
