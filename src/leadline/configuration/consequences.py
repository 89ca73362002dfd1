"""What a changed configuration makes of leads that wait: nobody is called who is listed, or by an old text, and
nobody waits for a rule that is gone."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from leadline.calling.release import release
from leadline.calling.retrying import wait_anew
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import do_not_call_reason
from leadline.domain.events import Event, EventKind
from leadline.domain.lead import ClosedReason, Lead, LeadState, advance
from leadline.store import configuration as store
from leadline.store import events, leads
from leadline.store.configuration import ListedRow, ProcessRow, Row, TrunkRow

BATCH: Final = 1_000
"""Leads that are held in memory at a time."""


async def draw(connection: Any, changes: Iterable[tuple[Row, Row | None]], now: datetime) -> None:
    """Bring open leads into line with rows that were written, each with what it was before."""
    listed: dict[str, list[str]] = defaultdict(list)
    trunks_changed = False
    for row, was in changes:
        match row, was:
            case ListedRow(), _:
                listed[row.organisation].append(row.number)
            case TrunkRow(), _:
                trunks_changed = True
            case ProcessRow(), ProcessRow():
                if _spoken(was) != _spoken(row):
                    await _renew(connection, row, now)
                if was.policy and row.policy and was.policy.retry != row.policy.retry:
                    await wait_anew(connection, row.servicekey, was.policy.retry, row.policy.retry, now)
                await release(connection, [row.servicekey], now)
            case _:
                pass
    if trunks_changed:
        await release(connection, None, now)
    for organisation, numbers in listed.items():
        await _close(connection, await store.open_leads_of(connection, organisation, numbers), now)


def _spoken(row: ProcessRow) -> Any:
    """All that decides what a process says and in which voice; None if it says nothing."""
    if row.flow is None or row.policy is None or not row.flow.speaks:
        return None
    return row.policy.speech, {name: say.texts for name, say in row.flow.says()}


async def _close(connection: Any, listed: Sequence[Lead], now: datetime) -> None:
    closed = [
        replace(
            lead,
            state=advance(lead.state, LeadState.CLOSED),
            closed_reason=ClosedReason.DO_NOT_CALL,
            due_at=None,
            held_by=None,
            updated_at=now,
        )
        for lead in listed
    ]
    await _write(
        connection,
        closed,
        now,
        EventKind.LEAD_CLOSED,
        lambda lead: {
            "reason": ClosedReason.DO_NOT_CALL,
            "rule": "do_not_call",
            "why": do_not_call_reason(lead.number, DoNotCallList.ORGANISATION),
        },
    )


async def _renew(connection: Any, row: ProcessRow, now: datetime) -> None:
    """Waiting leads go back to 10500 for another audio; where nothing is said any more, those there go on."""
    speaks = row.flow is not None and row.flow.speaks
    before, after, kind, reason = (
        (
            LeadState.SCHEDULED,
            LeadState.AWAITING_PROMPT,
            EventKind.LEAD_AWAITING_PROMPT,
            "what the flow says has changed",
        )
        if speaks
        else (
            LeadState.AWAITING_PROMPT,
            LeadState.SCHEDULED,
            EventKind.LEAD_SCHEDULED,
            "the flow says nothing any more",
        )
    )
    last = 0
    while waiting := await store.waiting_leads_of(connection, row.servicekey, before, last, BATCH):
        last = waiting[-1].id
        moved = [replace(lead, state=advance(lead.state, after), updated_at=now) for lead in waiting]
        await _write(connection, moved, now, kind, lambda lead: {"due_at": lead.due_at, "reason": reason})


async def _write(
    connection: Any, changed: Sequence[Lead], now: datetime, kind: EventKind, data: Callable[[Lead], Mapping[str, Any]]
) -> None:
    await leads.update(connection, [leads.counted(lead, 1) for lead in changed])
    told = (Event(lead.organisation_id, lead.id, lead.opening, now, kind, data(lead)) for lead in changed)
    await events.write(connection, [(lead.events + 1, event) for lead, event in zip(changed, told, strict=True)])
