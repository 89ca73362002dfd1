"""What becomes of leads at 10500: scheduled once their audio is there, else held with the reason, else to be spoken.

All of it under the leads' locks, from the leads and the configuration as they are at that moment: a lead that was
changed while its audio was being made asks for other audio, and waits on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from leadline.domain.errors import SpeechImpossible, SpeechUnavailable
from leadline.domain.events import EventKind
from leadline.domain.lead import Lead, LeadState, advance
from leadline.domain.prompt import Prompt, prompts_of
from leadline.domain.telling import Said, Told, told
from leadline.domain.upsert import DueKind
from leadline.store import claims, prompts
from leadline.store.catalogue import Organisation, Process
from leadline.store.database import Connection
from leadline.store.writing import move

SpeechFailure = SpeechUnavailable | SpeechImpossible

LAPSED: Final = "tts_subscription"
"""What holds a lead whose organisation has no speech subscription now."""
HOLDING: Final = (LAPSED, SpeechUnavailable.code, SpeechImpossible.code)
"""Every rule by which a lead is held here; a change of the configuration may mend each."""

LOOK_AGAIN: Final = timedelta(hours=1)
"""When a lead is looked at again that only somebody's doing can help: they are noticed at once, mostly."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
"""Bounds of the pause after an engine's failure: as long again as it has been failing already."""


@dataclass(slots=True)
class _Draft:
    """What is about to be written, and what is still to be spoken."""

    now: datetime
    told: list[Told] = field(default_factory=list)
    later: dict[datetime, list[Lead]] = field(default_factory=dict)
    missing: list[tuple[Lead, list[Prompt]]] = field(default_factory=list)

    def hold(self, lead: Lead, rule: str, until: datetime, said: Said) -> None:
        """Look again later; said once for as long as the same rule holds the lead."""
        self.later.setdefault(until, []).append(lead)
        if lead.held_by != rule:
            self.told.append(told(lead.but(held_by=rule), self.now, said))


async def settle(
    connection: Connection,
    organisation: Organisation,
    process: Process,
    locked: Sequence[Lead],
    failures: Mapping[bytes, SpeechFailure],
    now: datetime,
) -> list[tuple[Lead, list[Prompt]]]:
    """Settle what can be settled of these leads of one process; returns those that need prompts spoken, and which.

    `failures` are the prompts that an engine has just failed to make.
    """
    wanted = {lead.id: list(prompts_of(process.flow, lead, process.policy.speech).values()) for lead in locked}
    keys = {prompt.key for spoken in wanted.values() for prompt in spoken}
    present = await prompts.present(connection, organisation.id, keys) if keys else set()
    lapsed = organisation.speech_lapsed(now)
    draft = _Draft(now)
    for lead in locked:
        lacking = [prompt for prompt in wanted[lead.id] if prompt.key not in present]
        failure = next((failures[prompt.key] for prompt in lacking if prompt.key in failures), None)
        if lead.state is not LeadState.AWAITING_PROMPT or _expired(lead, now):
            # Another stage's to close; until it has, there is nothing to do here.
            draft.later.setdefault(now + LOOK_AGAIN, []).append(lead)
        elif lapsed is not None and wanted[lead.id]:
            until = now + LOOK_AGAIN
            draft.hold(lead, LAPSED, until, (EventKind.LEAD_HELD, {"rule": LAPSED, "reason": lapsed, "until": until}))
        elif failure is not None:
            again_at = now + _pause(lead, failure, now)
            said = {"reason": str(failure), "again_at": again_at}
            draft.hold(lead, failure.code, again_at, (EventKind.LEAD_PROMPT_FAILED, said))
        elif lacking:
            draft.missing.append((lead, lacking))
        else:
            draft.told.append(_scheduled(lead, len(wanted[lead.id]), now))
    await move(connection, draft.told)
    # After the leads: whatever writes a lead writes its due rows anew.
    for until, held in draft.later.items():
        await claims.postpone(connection, DueKind.PROMPT, held, until)
    return draft.missing


def _scheduled(lead: Lead, prompts_ready: int, now: datetime) -> Told:
    ready: dict[str, Any] = {"prompts": prompts_ready}
    if lead.due_at is not None and lead.due_at < now:
        ready["late"] = round((now - lead.due_at).total_seconds(), 3)
    return told(
        lead.but(state=advance(lead.state, LeadState.SCHEDULED), held_by=None),
        now,
        (EventKind.LEAD_PROMPTS_READY, ready),
        (EventKind.LEAD_SCHEDULED, {"due_at": lead.due_at}),
    )


def _expired(lead: Lead, now: datetime) -> bool:
    return lead.expires_at is not None and lead.expires_at <= now


def _pause(lead: Lead, failure: SpeechFailure, now: datetime) -> timedelta:
    """How long a lead waits after a failure; it is written when its engine first fails, and not again until it is
    mended, so that its own row knows how long that has been."""
    if not failure.retryable:
        return LOOK_AGAIN
    failing = now - lead.updated_at if lead.held_by == failure.code else FIRST_PAUSE
    return min(max(failing, FIRST_PAUSE), LONGEST_PAUSE)
