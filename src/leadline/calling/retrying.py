"""A change of the retry rules, drawn for leads that wait under the old ones: their time comes when the new ones say.

Counted from the end of the last attempt, as if the new rules had held then: a lead may be due at once, or later than
it was, or have had its attempts. One that was pushed to another time since, or promised a callback, keeps its time;
what closed under the old rules stays closed, since an opening ends once.
"""

from datetime import datetime
from typing import Any, Final

from leadline.domain.conclusion import conclude, concluded
from leadline.domain.events import EventKind
from leadline.domain.policy import RetryPolicy
from leadline.domain.telling import Told, told
from leadline.store import retries
from leadline.store.retries import Waiting
from leadline.store.writing import move

BATCH: Final = 500
"""Leads that are held in memory at a time."""
REASON: Final = "the retry rules have changed"


async def wait_anew(connection: Any, servicekey: str, was: RetryPolicy, now_is: RetryPolicy, now: datetime) -> None:
    """Have the leads of a process that wait for another attempt wait by these rules."""
    last = 0
    while waiting := await retries.waiting(connection, servicekey, now, last, BATCH):
        last = waiting[-1].lead.id
        changes = (rejudged(each, was, now_is, now) for each in waiting)
        await move(connection, [change for change in changes if change is not None])


def rejudged(waiting: Waiting, was: RetryPolicy, now_is: RetryPolicy, now: datetime) -> Told | None:
    """The lead by the new rules; None if it keeps its time."""
    lead = waiting.lead
    before = conclude(waiting.outcome, waiting.history, was, waiting.ended_at)
    after = conclude(waiting.outcome, waiting.history, now_is, waiting.ended_at)
    if before.due_at != lead.due_at or before == after:
        return None
    if after.closed is not None:
        why = f"{REASON}: {after.reason}"
        return told(concluded(lead, after), now, (EventKind.LEAD_CLOSED, {"reason": after.closed, "why": why}))
    due_at = max(after.due_at or now, now)
    return told(lead.but(due_at=due_at), now, (EventKind.LEAD_SCHEDULED, {"due_at": due_at, "reason": REASON}))
