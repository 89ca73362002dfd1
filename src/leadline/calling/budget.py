"""What a trunk can take now: calls up at any moment, and INVITEs in any sliding second."""

from collections import deque
from collections.abc import Callable
from typing import Final

WINDOW: Final = 1.1
"""Seconds over which `cps` is counted: a second, and what an INVITE may lose on its way out."""


class TrunkBudget:
    """The slots of one trunk: reserved before a lead is claimed, used by its INVITE, released when the call is over."""

    def __init__(self, channels: int, cps: int, time: Callable[[], float]) -> None:
        self.channels = channels
        self.cps = cps
        self._time = time
        self._up = 0
        self._unsent = 0
        self._sent: deque[float] = deque()

    @property
    def up(self) -> int:
        """Slots in use."""
        return self._up

    @property
    def free(self) -> int:
        """How many calls may be begun now."""
        self._forget()
        return max(0, min(self.channels - self._up, self.cps - len(self._sent) - self._unsent))

    @property
    def wait(self) -> float | None:
        """Seconds until time alone frees a slot; None if only the end of a call can."""
        self._forget()
        if self._up >= self.channels or not self._sent:
            return None
        return max(0.0, self._sent[0] + WINDOW - self._time())

    def reserve(self) -> bool:
        """Take a slot for a call that is about to be made, if there is one."""
        if self.free <= 0:
            return False
        self._up += 1
        self._unsent += 1
        return True

    def sent(self) -> None:
        """The INVITE of a reserved slot leaves now."""
        self._unsent -= 1
        self._sent.append(self._time())

    def unused(self) -> None:
        """Give back a slot whose INVITE was never sent."""
        self._unsent -= 1
        self._up -= 1

    def release(self) -> None:
        """Give back the slot of a call that is over."""
        self._up -= 1

    def _forget(self) -> None:
        while self._sent and self._sent[0] + WINDOW <= self._time():
            self._sent.popleft()
