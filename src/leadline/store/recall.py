"""Callbacks that wait for their own agent are looked at the moment the agent is ready."""

from datetime import datetime
from typing import Any, Final

from leadline.domain.events import Event, EventKind
from leadline.store import events, leads

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
    held = [leads.counted(leads.from_row(row).but(due_at=now, held_by=None, updated_at=now), 1) for row in rows]
    await leads.update(connection, held)
    data = {"due_at": now, "reason": f"{login} is ready"}
    await events.write(
        connection,
        [
            (lead.events, Event(lead.organisation_id, lead.id, lead.opening, now, EventKind.LEAD_SCHEDULED, data))
            for lead in held
        ],
    )
