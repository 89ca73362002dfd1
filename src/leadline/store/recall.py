"""Callbacks that wait for their own agent are looked at the moment the agent is ready."""

from datetime import datetime
from typing import Any, Final

from leadline.domain.events import EventKind
from leadline.domain.telling import told
from leadline.store.leads import from_row
from leadline.store.writing import move

MOST: Final = 100
"""More than an agent calls back before the dialer looks by itself."""


async def recall(connection: Any, organisation_id: int, login: str, now: datetime) -> None:
    """Have the leads judged at once that are held for this agent; what somebody else holds is passed over."""
    rows = await connection.fetch(
        """select * from lead where organisation_id = $1 and userlogin = $2 and held_by = 'agent'
           and state = 'scheduled' and due_at > $3 order by due_at limit $4 for update skip locked""",
        organisation_id,
        login,
        now,
        MOST,
    )
    said = EventKind.LEAD_SCHEDULED, {"due_at": now, "reason": f"{login} is ready"}
    await move(connection, [told(from_row(row).but(due_at=now, held_by=None), now, said) for row in rows])
