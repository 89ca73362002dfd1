"""What the rules say of leads that are about to be shown to an agent: nobody is shown one that may not be called."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from leadline.domain.eligibility import LOOK_BACK, Facts, judge
from leadline.domain.lead import Lead, LeadState
from leadline.domain.ruling import ruled
from leadline.store import dialed, offers
from leadline.store.catalogue import Process
from leadline.store.claims import Drawn
from leadline.store.writing import move


async def judged(connection: Any, process: Process, waiting: Sequence[Drawn], now: datetime) -> list[Lead]:
    """Those of these leads that would be called if their agent agreed now; the others are closed, or held."""
    recent = dialed.Recent()
    if process.policy.limits:
        leads = [each.lead for each in waiting]
        recent = await dialed.of_leads(connection, process.organisation_id, leads, now - LOOK_BACK)
    shown, rulings = [], []
    for each in waiting:
        lead = each.lead
        agreed = lead.but(state=LeadState.OFFERED)
        facts = Facts(agreed, process.policy, process.trunks, each.listed, None, now, dialed=recent.of(lead))
        ruling = ruled(lead, judge(facts), now)
        if ruling is None:
            shown.append(lead)
        else:
            rulings.append(ruling)
    await move(connection, rulings)
    if closed := [ruling.lead.id for ruling in rulings if ruling.lead.state is LeadState.CLOSED]:
        await offers.forget_passes(connection, process.organisation_id, closed)
    return shown
