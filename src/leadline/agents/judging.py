"""What the rules say of leads that are about to be shown to an agent: nobody is shown one that may not be called."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from leadline.domain.eligibility import LOOK_BACK, Facts, judge
from leadline.domain.lead import Lead, LeadState
from leadline.domain.ruling import ruled
from leadline.store import dialed, do_not_call, offers
from leadline.store.catalogue import Process
from leadline.store.writing import move


async def judged(connection: Any, process: Process, waiting: Sequence[Lead], now: datetime) -> list[Lead]:
    """Those of these leads that would be called if their agent agreed now; the others are closed, or held."""
    numbers = {lead.number for lead in waiting if lead.number}
    listed = await do_not_call.listed(connection, process.organisation_id, process.id, numbers, now)
    recent = dialed.Recent()
    if process.policy.limits:
        ids = [lead.id for lead in waiting]
        recent = await dialed.recent(connection, process.organisation_id, ids, numbers, now - LOOK_BACK)
    shown, rulings = [], []
    for lead in waiting:
        on = listed.get(lead.number) if lead.number else None
        agreed = lead.but(state=LeadState.OFFERED)
        facts = Facts(agreed, process.policy, process.trunks, on, None, now, dialed=recent.of(lead))
        ruling = ruled(lead, judge(facts), now)
        if ruling is None:
            shown.append(lead)
        else:
            rulings.append(ruling)
    await move(connection, rulings)
    if closed := [ruling.lead.id for ruling in rulings if ruling.lead.state is LeadState.CLOSED]:
        await offers.forget_passes(connection, process.organisation_id, closed)
    return shown
