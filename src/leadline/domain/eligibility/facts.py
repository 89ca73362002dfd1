"""What the rules look at, and what they say."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from leadline.domain.agent import Presence
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.lead import ClosedReason, Lead
from leadline.domain.policy import ProcessPolicy, TrunkPolicy


class Verdict(Struct, frozen=True):
    """What one rule says, and what would change it."""

    rule: str
    passed: bool
    reason: str
    until: datetime | None = None
    closes: ClosedReason | None = None


class Dialed(Struct, frozen=True):
    """An attempt that counts towards the limits: every one but those that found a trunk congested."""

    lead_id: int
    number: str
    started_at: datetime


class Facts(Struct, frozen=True):
    """All that the rules look at."""

    lead: Lead
    policy: ProcessPolicy
    trunks: Sequence[TrunkPolicy]
    """The process's trunks, in the order in which they are tried."""
    listed: DoNotCallList | None
    """Which do-not-call list the number stands on now, if it does."""
    speech_reason: str | None
    """Why speech cannot be made now, if it cannot."""
    now: datetime
    paused: bool = False
    stopped: bool = False
    dialed: Sequence[Dialed] = ()
    """Attempts of the last `LOOK_BACK`: the lead's, and its organisation's to the lead's number, in any order."""
    own_agent: Presence | None = None
    """Where the agent is whom a callback is for; None where that does not matter."""
    unable: Mapping[str, str] | None = None
    """Why a trunk takes no call now, by its name, of those that take none; None: not known here."""
