"""What is simulated: the rules of processes that share trunks, how many customers and agents each has, when."""

from dataclasses import dataclass, field
from datetime import datetime

from leadline.domain.errors import ConfigurationError
from leadline.domain.flow import Flow
from leadline.domain.pacing import SHORTEST_RING
from leadline.domain.policy import Mode, ProcessPolicy, TrunkPolicy
from leadline.simulation.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one process has of the day."""

    policy: ProcessPolicy
    trunks: tuple[TrunkPolicy, ...]
    """In the order in which they are tried."""
    mode: Mode
    leads: int
    """There from the start; what is pushed during the day comes to these."""
    agents: int
    zone: str
    """Its organisation's, in which hours are counted of customers whose zone is not known, and of pushes."""
    flow: Flow | None = None
    """What customers are led through where it calls without agents or ahead of them; None: not known."""
    organisation: int = 1
    do_not_call: frozenset[str] = frozenset()
    """The organisation's list, in E.164."""
    taken_along: bool = False
    """Whether it only takes what the others transfer to it: nothing is pushed to it."""

    def __post_init__(self) -> None:
        servicekey, policy = self.policy.servicekey, self.policy
        if self.mode is not Mode.MESSAGE and self.agents < 1 and self.leads:
            raise ConfigurationError(
                f"{servicekey}: a {self.mode} process calls for agents, and there are none: --agents 20"
            )
        if self.mode is Mode.PREDICTIVE and policy.ring_timeout < SHORTEST_RING:
            raise ConfigurationError(
                f"{servicekey}: ring_timeout is {policy.ring_timeout.total_seconds():g}s, and where calls may be "
                f"abandoned a phone rings for {SHORTEST_RING.total_seconds():g}s at least: --set ring_timeout=15s"
            )
        if not self.trunks:
            raise ConfigurationError(f"{servicekey}: the process has no trunk that it may use: configure one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A day of some processes; the same scenario always comes to the same result."""

    name: str
    parts: tuple[Part, ...]
    seed: int
    begins: datetime
    """When the leads are due, in UTC."""
    ends: datetime
    """No call is begun from then on; those that are up are seen through."""
    model: Model = field(default_factory=Model)

    def __post_init__(self) -> None:
        if self.ends <= self.begins:
            raise ConfigurationError("the end is not after the beginning: give --until a later time")
