"""What a changed configuration makes of leads that wait: nobody is called who is listed, or by an old text, and
nobody waits for a rule that is gone."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from leadline.calling.release import release
from leadline.calling.retrying import wait_anew
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import on_list
from leadline.domain.events import EventKind
from leadline.domain.lead import LeadState, advance
from leadline.domain.ruling import closed
from leadline.domain.telling import told
from leadline.store import circuits
from leadline.store import configuration as store
from leadline.store.configuration import ListedRow, ProcessRow, Row, TrunkRow
from leadline.store.writing import move

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
            case TrunkRow(name=name), _:
                await circuits.forget(connection, name)
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
        waiting = await store.open_leads_of(connection, organisation, numbers)
        everywhere = DoNotCallList.ORGANISATION
        await move(connection, [closed(lead, on_list(lead.number, everywhere), now) for lead in waiting])


def _spoken(row: ProcessRow) -> Any:
    """All that decides what a process says and in which voice; None if it says nothing."""
    if row.flow is None or row.policy is None or not row.flow.speaks:
        return None
    return row.policy.speech, {name: say.texts for name, say in row.flow.says()}


async def _renew(connection: Any, row: ProcessRow, now: datetime) -> None:
    """Waiting leads go back to 10500 for another audio; where nothing is said any more, those there go on."""
    if row.flow is not None and row.flow.speaks:
        before, after = LeadState.SCHEDULED, LeadState.AWAITING_PROMPT
        kind, reason = EventKind.LEAD_AWAITING_PROMPT, "what the flow says has changed"
    else:
        before, after = LeadState.AWAITING_PROMPT, LeadState.SCHEDULED
        kind, reason = EventKind.LEAD_SCHEDULED, "the flow says nothing any more"
    last = 0
    while waiting := await store.waiting_leads_of(connection, row.servicekey, before, last, BATCH):
        last = waiting[-1].id
        moved = []
        for lead in waiting:
            said = kind, {"due_at": lead.due_at, "reason": reason}
            moved.append(told(lead.but(state=advance(lead.state, after)), now, said))
        await move(connection, moved)
