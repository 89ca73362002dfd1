"""What a trunk can take now: calls up at any moment, and INVITEs in any sliding second, over all workers."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from leadline.store.trunks import Use, use_elsewhere

WINDOW: Final = 1.1
"""Seconds over which `cps` is counted: a second, and what an INVITE may lose on its way out."""
YIELD: Final = 0.2
"""Seconds by which our INVITEs count longer where other workers may want their slots, if all that count are ours: who
has most of a trunk asks last. Else whoever came first would be first again each second, since it hears first."""
ASK_AGAIN: Final = 0.2
"""Seconds after which other workers may have given back slots that are freed by no time of their own."""
NOBODY: Final = Use(0, 0, None)


class TrunkBudget:
    """The slots of one trunk: reserved before a lead is claimed, used by its INVITE, released when the call is over.

    Our own calls are counted here; what other workers hold is `told` in the transaction of each claim.
    """

    def __init__(
        self, channels: int, cps: int, time: Callable[[], float], allowed: Callable[[], int | None] = lambda: None
    ) -> None:
        """`allowed` tells how many calls may be begun for reasons other than these limits; None: any number."""
        self.channels = channels
        self.cps = cps
        self._time = time
        self._allowed = allowed
        self._up = 0
        self._unsent = 0
        self._sent: deque[float] = deque()
        self._elsewhere = NOBODY
        self._stale_at = 0.0

    @property
    def up(self) -> int:
        """Slots in use by this worker."""
        return self._up

    @property
    def free(self) -> int:
        """How many calls may be begun now, if others hold what they held when we were told."""
        return self._left(self._elsewhere)

    @property
    def hope(self) -> int:
        """How many calls may be begun by what is known for certain: a claim that asks is worth its while."""
        return self._left(NOBODY if self._time() >= self._stale_at else self._elsewhere)

    @property
    def wait(self) -> float | None:
        """Seconds until there may be hope by time alone; None if only the end of a call of ours can free a slot."""
        waits = []
        if self._left(NOBODY) > 0:
            waits.append(self._stale_at)
        elif self._up < self.channels and self._sent:
            waits.append(self._sent[0] + self._counts)
        return max(0.0, min(waits) - self._time()) if waits else None

    def told(self, use: Use) -> None:
        """What other workers hold now."""
        self._elsewhere = use
        if use.up or use.sent:
            held = use.wait is None or self._up + use.up >= self.channels
            self._stale_at = self._time() + (ASK_AGAIN if held else max(0.0, use.wait or 0.0))
        else:
            self._stale_at = 0.0

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

    @property
    def _counts(self) -> float:
        """Seconds for which an INVITE of ours counts."""
        share = min(1.0, len(self._sent) / self.cps)
        return WINDOW + (YIELD * share**2 if self._elsewhere.others else 0.0)

    def _left(self, elsewhere: Use) -> int:
        while self._sent and self._sent[0] + self._counts <= self._time():
            self._sent.popleft()
        channels = self.channels - self._up - elsewhere.up
        left = min(channels, self.cps - len(self._sent) - self._unsent - elsewhere.sent)
        allowed = self._allowed()
        return max(0, left if allowed is None else min(left, allowed - self._unsent))


async def take_stock(connection: Any, worker: str, budgets: Mapping[str, TrunkBudget]) -> int:
    """Tell these budgets what other workers hold, who may take no more until the transaction ends; returns the room.

    There is none for a worker whose lease has run out.
    """
    uses = await use_elsewhere(connection, worker, list(budgets), timedelta(seconds=WINDOW))
    for name, use in uses.items():
        budgets[name].told(use)
    return sum(budgets[name].free for name in uses)
