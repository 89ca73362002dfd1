"""What is simulated: the rules of a process, how many customers and agents, when."""

from dataclasses import dataclass, field
from datetime import datetime

from leadline.domain.errors import ConfigurationError
from leadline.domain.pacing import CAP, SHORTEST_RING
from leadline.domain.policy import Mode, ProcessPolicy, TrunkPolicy
from leadline.simulation.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A process on its day; the same scenario always comes to the same result."""

    name: str
    policy: ProcessPolicy
    trunks: tuple[TrunkPolicy, ...]
    """In the order in which they are tried."""
    mode: Mode
    leads: int
    agents: int
    seed: int
    begins: datetime
    """When the leads are due, in UTC."""
    ends: datetime
    """No call is begun from then on; those that are up are seen through."""
    zone: str
    """In which hours are counted of customers whose zone is not known, and days of what was abandoned."""
    model: Model = field(default_factory=Model)
    cap: float = CAP

    def __post_init__(self) -> None:
        if self.mode is not Mode.MESSAGE and self.agents < 1:
            raise ConfigurationError(f"a {self.mode} process calls for agents, and there are none: --agents 20")
        if self.mode is Mode.PREDICTIVE and self.policy.ring_timeout < SHORTEST_RING:
            raise ConfigurationError(
                f"ring_timeout is {self.policy.ring_timeout.total_seconds():g}s, and where calls may be abandoned a "
                f"phone rings for {SHORTEST_RING.total_seconds():g}s at least: --set ring_timeout=15s"
            )
        if not self.trunks:
            raise ConfigurationError("the process has no trunk that it may use: configure one")
        if self.ends <= self.begins:
            raise ConfigurationError("the end is not after the beginning: give --until a later time")
