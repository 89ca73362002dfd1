"""What is due, in memory: it gives leads in the order in which `store/claims.py` takes them from the due table."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from heapq import heappop, heappush
from typing import Final

from leadline.domain.lead import Lead
from leadline.domain.turns import Turns
from leadline.domain.upsert import DueKind, due_rows
from leadline.domain.vendor import PRIORITIES

Row = tuple[datetime, int, Lead]
"""When, the turn in which it was put, which lead."""

_PRIORITIES: Final = {int(calltype): priority for calltype, priority in PRIORITIES.items()}


class DueQueue:
    """Due leads by process and priority, longest due first; of those due at one instant, first put first."""

    def __init__(self) -> None:
        self._rows: defaultdict[tuple[int, int], list[Row]] = defaultdict(list)
        self._turn = 0
        self.turns = Turns()

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def put(self, lead: Lead) -> None:
        """What is due of a lead; nothing, if no call is. It may not be in the queue already."""
        for kind, due_at in due_rows(lead):
            if kind is DueKind.CALL:
                self._turn += 1
                key = lead.process_id, _PRIORITIES[lead.calltype]
                heappush(self._rows[key], (due_at, self._turn, lead))

    def ready(self, processes: Collection[int], now: datetime) -> list[tuple[int, int]]:
        """Which processes have something due, with its priority, in the order in which they are to be served."""
        due = [
            (priority, rows[0][0], self.turns.of(process), process)
            for (process, priority), rows in self._rows.items()
            if rows and process in processes and rows[0][0] <= now
        ]
        return [(priority, process) for priority, _, _, process in sorted(due)]

    def take(self, process: int, priority: int, now: datetime, most: int) -> list[Lead]:
        """Up to `most` due leads, longest due first."""
        rows = self._rows[process, priority]
        taken: list[Lead] = []
        while rows and len(taken) < most and rows[0][0] <= now:
            taken.append(heappop(rows)[2])
        return taken

    def next_due(self, processes: Collection[int], now: datetime) -> datetime | None:
        """When the next thing becomes due that is not so now, nor waits behind what is; None if nothing does."""
        heads = [rows[0][0] for (process, _), rows in self._rows.items() if rows and process in processes]
        return min((due_at for due_at in heads if due_at > now), default=None)
