"""Where the queues of one dialer begin: how a look finds what is due, and does not wade through what was dialed."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from leadline.domain.moment import EARLIEST
from leadline.domain.turns import Turns
from leadline.domain.upsert import DueKind
from leadline.store import claims
from leadline.store.claims import PRIORITIES, Front

Queue = tuple[DueKind, int, int]

WHOLE_EVERY: Final = 1.0
"""Seconds between two looks from the very beginning."""
YOUNG: Final = timedelta(seconds=10)
"""What has been due for no longer is looked at every time: pushes are committed in another order than they came."""


class Fronts:
    """A look at each queue begins where the last one found its first row.

    While somebody holds an old snapshot open, every row that was taken since lies dead before that place, and each look
    would read them all. A row may be written before it yet, due at a time that is past: it is found by the look from
    the very beginning, a second later at most.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.turns = Turns()
        self._begin: dict[Queue, datetime] = {}
        self._whole_at: float | None = None
        self._partial = False

    @property
    def wait(self) -> float | None:
        """Seconds until a look from the very beginning has something to tell; None if the last one was such."""
        if not self._partial or self._whole_at is None:
            return None
        return max(0.0, self._whole_at + WHOLE_EVERY - self._time())

    def rest(self) -> None:
        """Nothing is to be looked for until something changes: then the next look tells what it finds."""
        self._partial = False

    async def look(self, connection: Any, asked: Iterable[tuple[DueKind, int]], now: datetime) -> list[Front]:
        """The first row of each queue of these kinds and processes, in the order in which they are to be served."""
        if self._whole_at is None or self._time() - self._whole_at >= WHOLE_EVERY:
            self._whole_at = self._time()
            self._begin.clear()
        queues = [(kind, process_id, priority) for kind, process_id in asked for priority in PRIORITIES]
        wanted = [Front(*queue, self._begin.get(queue, EARLIEST)) for queue in queues]
        self._partial = any(queue in self._begin for queue in queues)
        found = await claims.fronts(connection, wanted)
        self._begin |= dict.fromkeys(queues, now - YOUNG)
        for front in found:
            if front.due_at < now - YOUNG:
                self._begin[front.kind, front.process_id, front.priority] = front.due_at
        return sorted(
            found,
            key=lambda front: (
                front.kind is not DueKind.AGREED, front.priority, front.due_at, self.turns.of(front.process_id),
            ),
        )  # fmt: skip

    async def after(self, connection: Any, due: Iterable[Front], now: datetime) -> list[datetime]:
        """When the next row of each of these queues is due that is not so now."""
        later = [replace(front, due_at=now + timedelta.resolution) for front in due]
        return [front.due_at for front in await claims.fronts(connection, later)]
