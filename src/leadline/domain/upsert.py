"""Insert or update: what a record makes of the lead it matches, or of nobody.

Pure: the lead that is stored and the record go in, the lead as it is to be comes out, with the events that say
why. Due rows follow from the lead (`due_rows`), so that nothing here can leave one behind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from leadline.domain.eligibility import Verdict
from leadline.domain.events import EventKind
from leadline.domain.lead import ON_THE_PHONE, ClosedReason, Lead, LeadState, advance
from leadline.domain.offer import is_agreed
from leadline.domain.policy import ProcessPolicy
from leadline.domain.record import EXPIRES_TOO_EARLY, Record
from leadline.domain.telling import Said
from leadline.domain.value import Refusal, same
from leadline.domain.vendor import FOR_AGENTS, VOICE, CallType, Media


class Action(StrEnum):
    """What became of a record, as the answer says it."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STORED_NOT_DIALABLE = "stored_not_dialable"


class Desk(Struct, frozen=True):
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


class Decision(Struct, frozen=True):
    """The lead as it is to be, its events counted (`existing` itself where nothing is written), and what to answer."""

    lead: Lead
    action: Action
    events: tuple[Said, ...] = ()
    forbidden: Verdict | None = None
    note: str | None = None


_NUMBER_FORBIDDEN: Final = (ClosedReason.NOT_DIALABLE, ClosedReason.DO_NOT_CALL)
_INNER: Final = frozenset({"number", "number_key", "crm_key", "media"})
"""Columns that follow from a node or from the request: no node of their own."""


@dataclass(slots=True)
class _Draft:
    """A lead being written, and what has been said of it so far."""

    lead: Lead
    desk: Desk
    changed: frozenset[str] = frozenset()
    """The columns and fields that the record changes, fields in lower case."""
    is_new: bool = False
    """Whether nobody has been told of the lead's place."""
    events: list[Said] = field(default_factory=list)
    forbidden: Verdict | None = None

    def say(self, kind: EventKind, **data: Any) -> None:
        self.events.append((kind, data))

    def place(self, state: LeadState, due_at: datetime | None = None, **changes: Any) -> None:
        lead = self.lead
        if lead.state is not state:
            changes["state"] = advance(lead.state, state)
        if changes or lead.due_at != due_at or lead.held_by is not None:
            self.lead = lead.but(held_by=None, due_at=due_at, **changes)

    def settle(self, due_at: datetime) -> None:
        """Give the lead its place: waiting for audio, due, closed for good, or stored with nothing due."""
        desk, before = self.desk, self.lead
        if not dials(desk.policy, before.media):
            self.place(LeadState.SCHEDULED)
            return
        self.forbidden = forbidden = desk.forbids(before)
        if forbidden is not None:
            self.place(LeadState.CLOSED, closed_reason=forbidden.closes)
            self.say(EventKind.LEAD_CLOSED, reason=forbidden.closes, rule=forbidden.rule, why=forbidden.reason)
            return
        waits = desk.speaks and not self._is_prepared(before)
        state = LeadState.AWAITING_PROMPT if waits else LeadState.SCHEDULED
        self.place(state, due_at)
        if self.is_new or self.lead is not before:
            self.say(EventKind.LEAD_AWAITING_PROMPT if waits else EventKind.LEAD_SCHEDULED, due_at=due_at)

    def _is_prepared(self, before: Lead) -> bool:
        """Whether the audio of an open lead is there and still says the right thing."""
        was_due = before.state is LeadState.SCHEDULED and before.due_at is not None
        return was_due and not self.is_new and not self.is_heard

    @property
    def is_heard(self) -> bool:
        """Whether the record changes the language, or anything that the flow says."""
        return "language" in self.changed or not self.desk.spoken.isdisjoint(self.changed)


def dials(policy: ProcessPolicy, media: int) -> bool:
    """Whether a push of this medium to this process may ring a phone at all."""
    return media in VOICE and policy.direction != "inbound"


def decide(existing: Lead | None, record: Record, desk: Desk, new_id: int) -> Decision:
    """What a record makes of `existing`, or of a new lead with `new_id`; raises Refusal."""
    if existing is None:
        return _insert(record, desk, new_id)
    columns, names = _changes(existing, record, desk)
    draft = _Draft(existing.but(**columns) if columns else existing, desk, names)
    asks = _asks(existing, record)
    note = None
    if existing.state in ON_THE_PHONE or is_agreed(existing):
        _say_updated(draft, names)
        if asks:
            what = "about to be dialed for its agent" if is_agreed(existing) else existing.state
            note = f"the lead is {what}: {' and '.join(sorted(asks))} not taken, push again later"
    elif existing.state is LeadState.OFFERED and not asks:
        _say_updated(draft, names)
    elif existing.state is LeadState.CLOSED:
        _say_updated(draft, names)
        _reopen(draft, existing, record)
    else:
        _say_updated(draft, names | asks)
        if existing.state is LeadState.OFFERED:  # due since it was laid on a desk, from where it is taken back
            state = advance(existing.state, LeadState.SCHEDULED)
            draft.lead = draft.lead.but(state=state, due_at=existing.updated_at)
        _reschedule(draft, existing, record, asks)
    if record.calltype in desk.policy.reopen and existing.state is not LeadState.CLOSED:
        _absorb(draft)
    return _decision(draft, note)


def _decision(draft: _Draft, note: str | None) -> Decision:
    lead, desk = draft.lead, draft.desk
    forbidden = draft.forbidden
    if forbidden is None and lead.state is LeadState.CLOSED and dials(desk.policy, lead.media):
        verdict = desk.forbids(lead)
        forbidden = verdict if verdict is not None and verdict.closes in _NUMBER_FORBIDDEN else None
    if not draft.events:
        return Decision(lead, Action.UNCHANGED, forbidden=forbidden, note=note)
    action = Action.STORED_NOT_DIALABLE if forbidden else Action.UPDATED
    written = lead.but(updated_at=desk.now, events=lead.events + len(draft.events))
    return Decision(written, action, tuple(draft.events), forbidden, note)


def _insert(record: Record, desk: Desk, new_id: int) -> Decision:
    if record.lacking is not None:
        raise record.lacking
    calltype, due_at = record.calltype or CallType.FRESH, _due(record.call_at, desk.now)
    lead = Lead.new(
        record.carried,
        organisation_id=desk.organisation_id,
        id=new_id,
        process_id=desk.process_id,
        media=desk.media,
        calltype=calltype,
        state=LeadState.SCHEDULED,
        asked_calltype=calltype,
        call_at=record.call_at,
        due_at=due_at,
        fields=record.fields,
        scheduled_by=desk.requested_at,
        created_at=desk.now,
        updated_at=desk.now,
    )
    _check_expiry(lead, record.call_at or desk.now)
    draft = _Draft(lead, desk, is_new=True)
    draft.say(EventKind.LEAD_CREATED, media=lead.media, calltype=lead.calltype, number=lead.number)
    draft.settle(due_at)
    action = Action.STORED_NOT_DIALABLE if draft.forbidden else Action.CREATED
    return Decision(draft.lead.but(events=len(draft.events)), action, tuple(draft.events), draft.forbidden)


def _due(call_at: datetime | None, now: datetime) -> datetime:
    """A past time is due now."""
    return now if call_at is None else max(call_at, now)


def _changes(existing: Lead, record: Record, desk: Desk) -> tuple[dict[str, Any], frozenset[str]]:
    """What the record changes: columns with their new values, and the names of all that is new."""
    columns = {name: value for name, value in record.carried.items() if getattr(existing, name) != value}
    if record.carried.get("number_key") == existing.number_key is not None:
        columns.pop("mobilenumber", None)  # another spelling of the same number is the same number
    if existing.media != desk.media:
        columns["media"] = int(desk.media)
    names = frozenset(columns)
    if record.fields:
        merged = _merged(existing.fields, record.fields)
        absent = object()
        new = {name for name, value in merged.items() if not same(existing.fields.get(name, absent), value)}
        if new:
            columns["fields"] = merged
            names |= {name.strip().lower() for name in new}
    return columns, names


def _merged(stored: Mapping[str, Any], carried: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with those carried written over them; a node's name is one, however it is spelled."""
    spelled = {name.strip().lower(): name for name in stored}
    return {
        **stored,
        **{
            name if name in stored else spelled.get(name.strip().lower(), name): value
            for name, value in carried.items()
        },
    }


def _say_updated(draft: _Draft, names: frozenset[str]) -> None:
    """A new medium alone is worth an event too, though no node of the record says it."""
    told = {"expirydatetime" if name == "expires_at" else name for name in names - _INNER}
    if told or "media" in names:
        draft.say(EventKind.LEAD_UPDATED, changed=sorted(told | (names & {"media"})))


def _asks(existing: Lead, record: Record) -> frozenset[str]:
    """Which of calltype and calldatetime the record changes, of what the lead is and of what was last pushed.

    A lead whose customer asked to be called again is not dialed at once by a push that says what the last one said.
    """
    asks = set()
    if record.calltype is not None and record.calltype not in (existing.calltype, existing.asked_calltype):
        asks.add("calltype")
    if record.call_at is not None and record.call_at != existing.call_at:
        asks.add("calldatetime")
    return frozenset(asks)


def _absorb(draft: _Draft) -> None:
    """A click on a lead that is open is served by its call: the same request, sent again later, opens nothing."""
    if draft.desk.requested_at > draft.lead.scheduled_by:
        draft.lead = draft.lead.but(scheduled_by=draft.desk.requested_at)


def _asked(lead: Lead, record: Record, desk: Desk) -> Lead:
    return lead.but(
        calltype=record.calltype or lead.calltype,
        asked_calltype=record.calltype or lead.asked_calltype,
        call_at=record.call_at,
        scheduled_by=desk.requested_at,
    )


def _reopen(draft: _Draft, existing: Lead, record: Record) -> None:
    """The second click: a call type of the reopen list, asked for later than what last scheduled the lead.

    A lead that was closed for its number's sake is opened by a number that may be dialed, whatever its call type.
    An expiry that the push does not carry and that has passed was of the opening that is over.
    """
    desk = draft.desk
    dialed = dials(desk.policy, draft.lead.media)
    clicked = record.calltype in desk.policy.reopen and desk.requested_at > existing.scheduled_by
    mended = dialed and existing.closed_reason in _NUMBER_FORBIDDEN and draft.lead.number != existing.number
    if not clicked and not mended:
        return
    due_at = _due(record.call_at, desk.now)
    opened = _asked(draft.lead, record, desk).but(
        state=advance(existing.state, LeadState.SCHEDULED), opening=existing.opening + 1, closed_reason=None
    )
    if "expires_at" not in record.carried and opened.expires_at is not None and opened.expires_at <= due_at:
        opened = opened.but(expires_at=None)
    forbidden = desk.forbids(opened) if dialed else None
    if forbidden is not None and (forbidden.closes is existing.closed_reason or not clicked):
        return
    _check_expiry(opened, record.call_at or desk.now)
    draft.lead = opened
    draft.say(EventKind.LEAD_REOPENED, calltype=opened.calltype)
    draft.settle(due_at)


def _reschedule(draft: _Draft, existing: Lead, record: Record, asks: frozenset[str]) -> None:
    """An open lead is given another place only when its call type, its time, its number or its words change."""
    desk, changed = draft.desk, draft.changed
    if asks:
        draft.lead = _asked(draft.lead, record, desk)
        _check_expiry(draft.lead, record.call_at or desk.now)
        draft.settle(_due(record.call_at, desk.now))
        return
    if "expires_at" in changed:
        _check_expiry(draft.lead, existing.due_at or existing.call_at or desk.now)
    if changed & {"number", "media"} or ("timezone" in changed and existing.held_by):
        kept = existing.due_at is not None and not existing.held_by
        draft.settle(existing.due_at if existing.due_at and kept else _due(existing.call_at, desk.now))
    elif desk.speaks and existing.state is LeadState.SCHEDULED and existing.due_at and draft.is_heard:
        draft.lead = draft.lead.but(state=advance(existing.state, LeadState.AWAITING_PROMPT))
        draft.say(EventKind.LEAD_AWAITING_PROMPT, due_at=existing.due_at, reason="what the flow says has changed")


def _check_expiry(lead: Lead, call_at: datetime) -> None:
    if lead.expires_at is not None and lead.expires_at < call_at:
        raise Refusal("15", "expirydatetime", EXPIRES_TOO_EARLY)


class DueKind(StrEnum):
    """What a due row is for."""

    CALL = "call"
    OFFER = "offer"
    """To be offered to an agent."""
    AGREED = "agreed"
    """To be dialed, since an agent said so."""
    PROMPT = "prompt"
    EXPIRY = "expiry"


def due_rows(lead: Lead) -> list[tuple[DueKind, datetime]]:
    """What is to happen to a lead, and when: nothing else may write a due row."""
    rows = []
    if lead.state is LeadState.AWAITING_PROMPT:
        rows.append((DueKind.PROMPT, lead.updated_at))
    elif lead.state is LeadState.SCHEDULED and lead.due_at is not None:
        rows.append((DueKind.OFFER if lead.calltype in FOR_AGENTS else DueKind.CALL, lead.due_at))
    elif lead.state is LeadState.OFFERED and lead.due_at is not None:
        rows.append((DueKind.AGREED, lead.due_at))
    if lead.expires_at is not None and lead.state not in ON_THE_PHONE | {LeadState.CLOSED}:
        rows.append((DueKind.EXPIRY, lead.expires_at))
    return rows
