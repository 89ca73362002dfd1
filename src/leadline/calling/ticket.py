"""A claimed lead with all that is needed to call it: nothing more is read from the database before the INVITE."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from leadline.domain.lead import Lead
from leadline.domain.policy import TrunkPolicy
from leadline.store.catalogue import Process


@dataclass(frozen=True, slots=True)
class Ticket:
    """One attempt, committed and about to be made."""

    attempt_id: UUID
    lead: Lead
    process: Process
    trunk: TrunkPolicy
    dial_string: str
    audio: Mapping[str, bytes]
    """The prompt of each node of the flow that says something, as PCM."""
    another_trunk: bool
    """Whether another trunk could carry the call if this one is congested."""
