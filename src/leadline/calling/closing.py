"""The end of an attempt, written once: its outcome, and what it makes of its lead, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from leadline.domain.attempt import AttemptState, Outcome
from leadline.domain.conclusion import Conclusion, conclude
from leadline.domain.events import Event, EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.policy import RetryPolicy
from leadline.store import attempts, leads
from leadline.store import events as event_store


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    attempt_id: UUID
    outcome: Outcome
    values: Mapping[str, Any]
    """Further columns of the attempt: sip_status, cause, hung_up_by, disposition, digits, path, call_id."""
    callback_at: datetime | None = None
    another_trunk: bool = False
    reason: str = ""


async def close_attempt(
    connection: Any, organisation_id: int, lead_id: int, ending: Ending, retry: RetryPolicy, now: datetime
) -> None:
    """Write the end of an attempt and its conclusion; one that has ended already stays as it is."""
    lead = await leads.get(connection, organisation_id, lead_id, lock=True)
    values = {**ending.values, "state": AttemptState.ENDED, "ended_at": now, "outcome": ending.outcome}
    if not await attempts.change(connection, organisation_id, ending.attempt_id, values) or lead is None:
        return
    history = await attempts.outcomes(connection, organisation_id, lead_id, lead.opening)
    conclusion = conclude(
        ending.outcome, history, retry, now, callback_at=ending.callback_at, another_trunk=ending.another_trunk
    )
    said: list[tuple[EventKind, Mapping[str, Any]]] = [
        (EventKind.ATTEMPT_ENDED, {"attempt": ending.attempt_id, "outcome": ending.outcome, "reason": ending.reason}
         | {name: value for name, value in ending.values.items() if name != "path"}),
    ]  # fmt: skip
    concluded, told = _concluded(lead, conclusion, now)
    said.append(told)
    await event_store.record(
        connection, [Event(organisation_id, lead_id, lead.opening, now, kind, data) for kind, data in said]
    )
    await leads.update(connection, [leads.counted(concluded, len(said))])


def _concluded(lead: Lead, conclusion: Conclusion, now: datetime) -> tuple[Lead, tuple[EventKind, Mapping[str, Any]]]:
    if conclusion.closed is not None:
        closed = replace(
            lead,
            state=advance(lead.state, LeadState.CLOSED),
            closed_reason=conclusion.closed,
            due_at=None,
            held_by=None,
            updated_at=now,
        )
        return closed, (EventKind.LEAD_CLOSED, {"reason": conclusion.closed, "why": conclusion.reason})
    again = replace(
        lead,
        state=advance(lead.state, LeadState.SCHEDULED),
        due_at=conclusion.due_at,
        calltype=conclusion.calltype or lead.calltype,
        held_by=None,
        updated_at=now,
    )
    return again, (EventKind.LEAD_SCHEDULED, {"due_at": conclusion.due_at, "why": conclusion.reason})
