"""A claimed lead with all that is needed to call it: nothing more is read from the database before the INVITE."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from leadline.domain.flow import Flow, Hangup, Transfer
from leadline.domain.lead import Lead
from leadline.domain.policy import TrunkPolicy
from leadline.store.catalogue import Process

PATIENCE: Final = timedelta(seconds=10)
"""How long a customer who has been called for an agent is to wait for one in silence."""


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
    agent: str | None = None
    """The login of the agent who was taken for this call, before it was made."""

    @property
    def flow(self) -> Flow | None:
        """What the customer is led through: to the agent at once, if there is one."""
        return self.process.flow if self.agent is None else to_agent(self.agent, self.process.servicekey)


def to_agent(login: str, servicekey: str) -> Flow:
    """The flow of a call that is made for an agent; one who is away by then is replaced by another of the process."""
    transfer = Transfer(servicekey, {"no_agent": "missed", "ended": "talked"}, timeout=PATIENCE, agent=login)
    return Flow("agent", "agent", {"agent": transfer, "missed": Hangup("no_agent"), "talked": Hangup("completed")})
