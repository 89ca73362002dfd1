"""Insert or update: what a record makes of the lead it matches, or of nobody.

Pure: the lead that is stored and the record go in, the lead as it is to be comes out, with the events that say
why. Due rows follow from the lead (`due_rows`), so that nothing here can leave one behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from leadline.domain.eligibility import Verdict
from leadline.domain.events import EventKind
from leadline.domain.lead import ON_THE_PHONE, ClosedReason, Lead, LeadState, advance
from leadline.domain.policy import ProcessPolicy
from leadline.domain.record import Record
from leadline.domain.vendor import CallType, Media


class Action(StrEnum):
    """What became of a record, as the answer says it."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STORED_NOT_DIALABLE = "stored_not_dialable"


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose push it is and by whose rules it is decided.

    `forbids` is the rule that keeps a lead from ever being dialed as it is, if there is one; `spoken` names
    what the process's flow says of a lead.
    """

    organisation_id: int
    process_id: int
    media: Media
    requested_at: datetime
    now: datetime
    policy: ProcessPolicy
    speaks: bool
    spoken: frozenset[str]
    forbids: Callable[[Lead], Verdict | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """The lead as it is to be, and what to answer."""

    lead: Lead
    action: Action
    events: tuple[tuple[EventKind, Mapping[str, Any]], ...] = ()
    forbidden: Verdict | None = None
    note: str | None = None


_NUMBER_FORBIDDEN: Final = (ClosedReason.NOT_DIALABLE, ClosedReason.DO_NOT_CALL)
_PROTECTED: Final = ON_THE_PHONE | {LeadState.OFFERED}
_COLUMNS: Final = frozenset(f.name for f in fields(Lead))


@dataclass(slots=True)
class _Draft:
    """A lead being written, and what has been said of it so far."""

    lead: Lead
    desk: Desk
    events: list[tuple[EventKind, Mapping[str, Any]]] = field(default_factory=list)
    forbidden: Verdict | None = None

    def say(self, kind: EventKind, **data: Any) -> None:
        self.events.append((kind, data))

    def settle(self, due_at: datetime) -> None:
        """Give the lead its place: waiting for audio, due, closed for good, or stored with nothing due."""
        desk, lead = self.desk, self.lead
        if not dials(desk.policy, lead.media):
            self.lead = replace(lead, state=LeadState.SCHEDULED, due_at=None)
            return
        self.forbidden = desk.forbids(lead)
        if self.forbidden is not None:
            reason = self.forbidden.closes
            self.lead = replace(lead, state=LeadState.CLOSED, closed_reason=reason, due_at=None)
            self.say(EventKind.LEAD_CLOSED, reason=reason, rule=self.forbidden.rule, why=self.forbidden.reason)
        elif desk.speaks:
            self.lead = replace(lead, state=LeadState.AWAITING_PROMPT, due_at=due_at)
            self.say(EventKind.LEAD_AWAITING_PROMPT, due_at=due_at)
        else:
            self.lead = replace(lead, state=LeadState.SCHEDULED, due_at=due_at)
            self.say(EventKind.LEAD_SCHEDULED, due_at=due_at)


def dials(policy: ProcessPolicy, media: int) -> bool:
    """Whether a push of this medium to this process may ring a phone at all."""
    return Media(media).is_voice and policy.direction != "inbound"


def decide(existing: Lead | None, record: Record, desk: Desk, new_id: int) -> Decision:
    """What a record makes of `existing`, or of a new lead with `new_id`."""
    if existing is None:
        return _insert(record, desk, new_id)
    carried = {**record.carried, "media": int(desk.media), "fields": _merged(existing.fields, record.fields)}
    changed = tuple(sorted(name for name, value in carried.items() if getattr(existing, name) != value))
    draft = _Draft(replace(existing, **{name: carried[name] for name in changed}), desk)
    if changed:
        draft.say(EventKind.LEAD_UPDATED, changed=changed)
    note = None
    if existing.state in _PROTECTED:
        if _reschedules(existing, record):
            note = "the customer is on the phone: calltype and calldatetime were not taken"
    elif existing.state is LeadState.CLOSED:
        _reopen(draft, existing, record)
    else:
        _reschedule(draft, existing, record, changed)
    if not draft.events:
        return Decision(existing, Action.UNCHANGED, forbidden=_still_forbidden(existing, desk), note=note)
    action = Action.STORED_NOT_DIALABLE if draft.forbidden else Action.UPDATED
    lead = replace(draft.lead, updated_at=desk.now)
    return Decision(lead, action, tuple(draft.events), draft.forbidden, note)


def _insert(record: Record, desk: Desk, new_id: int) -> Decision:
    lead = Lead(
        organisation_id=desk.organisation_id,
        id=new_id,
        process_id=desk.process_id,
        media=desk.media,
        calltype=record.calltype or CallType.FRESH,
        state=LeadState.SCHEDULED,
        call_at=record.call_at,
        fields=dict(record.fields),
        scheduled_by=desk.requested_at,
        created_at=desk.now,
        updated_at=desk.now,
        **record.carried,
    )
    draft = _Draft(lead, desk)
    draft.say(EventKind.LEAD_CREATED, media=lead.media, calltype=lead.calltype, number=lead.number)
    draft.settle(_due(record.call_at, desk.now))
    action = Action.STORED_NOT_DIALABLE if draft.forbidden else Action.CREATED
    return Decision(draft.lead, action, tuple(draft.events), draft.forbidden)


def _due(call_at: datetime | None, now: datetime) -> datetime:
    """A past time is due now."""
    return now if call_at is None else max(call_at, now)


def _reschedules(existing: Lead, record: Record) -> bool:
    return (record.calltype is not None and record.calltype != existing.calltype) or (
        record.call_at is not None and record.call_at != existing.call_at
    )


def _reopen(draft: _Draft, existing: Lead, record: Record) -> None:
    """The second click: a call type of the reopen list, asked for later than what last scheduled the lead.

    A lead that was closed for its number's sake is opened by a number that may be dialed, whatever its call type.
    """
    desk = draft.desk
    clicked = record.calltype in desk.policy.reopen and desk.requested_at > existing.scheduled_by
    mended = (
        existing.closed_reason in _NUMBER_FORBIDDEN
        and draft.lead.number != existing.number
        and dials(desk.policy, draft.lead.media)
        and desk.forbids(draft.lead) is None
    )
    if not clicked and not mended:
        return
    draft.lead = replace(
        draft.lead,
        opening=existing.opening + 1,
        closed_reason=None,
        calltype=record.calltype or existing.calltype,
        call_at=record.call_at,
        scheduled_by=desk.requested_at,
    )
    draft.say(EventKind.LEAD_REOPENED, calltype=draft.lead.calltype)
    draft.settle(_due(record.call_at, desk.now))


def _reschedule(draft: _Draft, existing: Lead, record: Record, changed: tuple[str, ...]) -> None:
    """An open lead is given another place only when its call type, its time, its number or its words change."""
    desk = draft.desk
    if _reschedules(existing, record):
        draft.lead = replace(
            draft.lead,
            calltype=record.calltype or existing.calltype,
            call_at=record.call_at,
            scheduled_by=desk.requested_at,
        )
        draft.settle(_due(record.call_at, desk.now))
        if not draft.events:
            draft.say(EventKind.LEAD_UPDATED, changed=("calltype", "calldatetime"))
    elif {"number", "number_key", "media"} & set(changed):
        draft.settle(existing.due_at or desk.now)
    elif desk.speaks and existing.state is LeadState.SCHEDULED and existing.due_at and _heard(desk.spoken, changed):
        state = advance(existing.state, LeadState.AWAITING_PROMPT)
        draft.lead = replace(draft.lead, state=state)
        draft.say(EventKind.LEAD_AWAITING_PROMPT, due_at=existing.due_at, reason="what the flow says has changed")


def _heard(spoken: frozenset[str], changed: tuple[str, ...]) -> bool:
    """Whether a change may be heard: the language, or anything that the flow says."""
    return not spoken.isdisjoint(changed) or "language" in changed or ("fields" in changed and bool(spoken - _COLUMNS))


def _merged(stored: Mapping[str, Any], carried: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with those carried written over them; a node's name is one whatever its case."""
    if not carried:
        return dict(stored)
    names = {name.strip().lower() for name in carried}
    return {**{k: v for k, v in stored.items() if k.strip().lower() not in names or k in carried}, **carried}


def _still_forbidden(existing: Lead, desk: Desk) -> Verdict | None:
    """Why a lead that did not change is not dialed either, for the answer."""
    if existing.closed_reason in _NUMBER_FORBIDDEN and dials(desk.policy, existing.media):
        return desk.forbids(existing)
    return None


class DueKind(StrEnum):
    """What a due row is for."""

    CALL = "call"
    PROMPT = "prompt"
    EXPIRY = "expiry"


def due_rows(lead: Lead) -> list[tuple[DueKind, datetime]]:
    """What is to happen to a lead, and when: nothing else may write a due row."""
    rows = []
    if lead.state is LeadState.AWAITING_PROMPT:
        rows.append((DueKind.PROMPT, lead.updated_at))
    elif lead.state is LeadState.SCHEDULED and lead.due_at is not None and not CallType(lead.calltype).waits_for_agent:
        rows.append((DueKind.CALL, lead.due_at))
    if lead.expires_at is not None and lead.state not in ON_THE_PHONE | {LeadState.CLOSED}:
        rows.append((DueKind.EXPIRY, lead.expires_at))
    return rows
