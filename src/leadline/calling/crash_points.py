"""The steps of an attempt at which Leadline may die: a test has it die at each, and counts the INVITEs.

Whoever takes a step says so to the `Reached` that it was handed; in production that is `nothing`.
"""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """A step of an attempt, in the order in which they are reached."""

    CLAIM_TAKEN = "claim.taken"
    """Due leads are locked; nothing is written."""
    CLAIM_WRITTEN = "claim.written"
    """Attempts are written, and not committed."""
    CLAIM_COMMITTED = "claim.committed"
    """They are; no call has been begun."""
    CALL_BEGUN = "call.begun"
    """The INVITE is about to be handed to the engine."""
    CALL_SENT = "call.sent"
    """The engine has taken it."""
    CALL_HEARD = "call.heard"
    """The engine has told something, and nothing is made of it yet."""
    LEDGER_WRITTEN = "ledger.written"
    """What was told is written, and not committed."""
    LEDGER_COMMITTED = "ledger.committed"
    CALL_ENDED = "call.ended"
    """The call is over; its end is written nowhere."""
    ENDING_WRITTEN = "ending.written"
    """Its end and what it makes of the lead are written, and not committed."""
    ENDING_COMMITTED = "ending.committed"


Reached = Callable[[Point], None]


def nothing(point: Point) -> None:
    """Go on."""
