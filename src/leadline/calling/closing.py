"""The end of an attempt, written once: its outcome, and what it makes of its lead, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from leadline.calling.pacing import Meter
from leadline.domain.attempt import AttemptState, Outcome
from leadline.domain.conclusion import Conclusion, conclude, concluded
from leadline.domain.control import CANCELLED
from leadline.domain.events import EventKind
from leadline.domain.lead import ClosedReason, Lead
from leadline.domain.policy import RetryPolicy
from leadline.domain.telling import Said, told
from leadline.store import agents, attempts, commands, leads
from leadline.store.commands import CommandKind
from leadline.store.writing import move


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    attempt_id: UUID
    outcome: Outcome
    values: Mapping[str, Any]
    """Further columns of the attempt: sip_status, cause, hung_up_by, disposition, digits, path, call_id."""
    callback_at: datetime | None = None
    another_trunk: bool = False
    rang: float | None = None
    """Seconds that the phone rang, if it did and was not answered."""
    reason: str = ""


async def close_attempt(
    connection: Any,
    organisation_id: int,
    lead_id: int,
    ending: Ending,
    retry: RetryPolicy,
    now: datetime,
    *,
    wrap_up: timedelta = timedelta(),
    meter: Meter | None = None,
) -> None:
    """Write the end of an attempt and its conclusion, and let its agent go; one that has ended stays as it is.

    What the `meter` is told comes last, so that nobody who holds its row waits for another.
    """
    lead = await leads.get(connection, organisation_id, lead_id, lock=True)
    values = {**ending.values, "state": AttemptState.ENDED, "ended_at": now, "outcome": ending.outcome}
    if not await attempts.change(connection, organisation_id, ending.attempt_id, values):
        return
    talked = await agents.free(connection, organisation_id, ending.attempt_id, now, wrap_up)
    if lead is not None:
        await _conclude(connection, lead, ending, retry, now)
    if meter is not None:
        await meter.ended(connection, now, rang=ending.rang, talked=talked)


async def _conclude(connection: Any, lead: Lead, ending: Ending, retry: RetryPolicy, now: datetime) -> None:
    organisation_id = lead.organisation_id
    history = await attempts.outcomes(connection, organisation_id, lead.id, lead.opening)
    conclusion = conclude(
        ending.outcome,
        history,
        retry,
        now,
        callback_at=ending.callback_at,
        another_trunk=ending.another_trunk,
    )
    if CommandKind.CANCEL in await commands.settle(connection, organisation_id, ending.attempt_id):
        conclusion = Conclusion(CANCELLED, ClosedReason.CANCELLED)
    ended = {"attempt": ending.attempt_id, "outcome": ending.outcome.told, "reason": ending.reason}
    ended |= {name: value for name, value in ending.values.items() if name != "path"}
    said = (EventKind.ATTEMPT_ENDED, ended), _said(conclusion)
    await move(connection, [told(concluded(lead, conclusion), now, *said)])


def _said(conclusion: Conclusion) -> Said:
    if conclusion.closed is not None:
        return EventKind.LEAD_CLOSED, {"reason": conclusion.closed, "why": conclusion.reason}
    return EventKind.LEAD_SCHEDULED, {"due_at": conclusion.due_at, "why": conclusion.reason}
