"""What the addresses of `/v1` take and answer, as types: from them the schemas of openapi.json are made.

Nothing is read or written through them. That the answers have these shapes, the tests hold.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from leadline.domain.attempt import AttemptState
from leadline.domain.breaker import Health as TrunkState
from leadline.domain.events import EventKind
from leadline.domain.lead import ClosedReason, LeadState
from leadline.domain.upsert import Action
from leadline.domain.vendor import CallType, Media, UpdateParameter

_MEDIA = "|".join(str(int(medium)) for medium in Media)
_CALLTYPES = "|".join(str(int(calltype)) for calltype in CallType)
_MOMENT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|[+-]\d\d(:?\d\d)?))?$"
Moment = Annotated[
    str,
    Meta(
        pattern=_MOMENT,
        description="`YYYY-MM-DD hh:mm:ss` in the organisation's time zone, or ISO 8601 with an offset.",
        examples=["2026-11-25 10:00:00", "2026-11-25T04:30:00Z"],
    ),
]
RequestId = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00]*$")]
Text = str | int | float | None
MediaNumber = Annotated[Media | Annotated[str, Meta(pattern=f"^({_MEDIA})$")], Meta(examples=[12, "11"])]
CallTypeNumber = Annotated[
    CallType | Annotated[str, Meta(pattern=f"^({_CALLTYPES})?$")] | None,
    Meta(description="5 hot, 21 callback, 31 preview callback, 41 general callback, 71 preview, 1001 fresh."),
]


Outcome = Literal["answered", "busy", "no_answer", "rejected", "invalid_number", "congestion", "failed", "unknown"]


class Record(Struct):
    """A customer. Only the update key is mandatory; any other field is kept verbatim and may be spoken by the flow."""

    mobilenumber: Annotated[Text, Meta(description="However it is written.", examples=["09820012345"])] = None
    customercode: Text = None
    leadnumber: Text = None
    name: Text = None
    fname: Text = None
    lname: Text = None
    emailid: Text = None
    calltype: CallTypeNumber = None
    calldatetime: Moment | None = None
    expirydatetime: Moment | None = None
    userlogin: Annotated[str | None, Meta(description="A login of the organisation.")] = None
    language: Annotated[str | None, Meta(description="BCP 47.", examples=["hi", "en-IN"])] = None
    timezone: Annotated[str | None, Meta(description="IANA; decides over the number's.")] = None


class Push(Struct, forbid_unknown_fields=True):
    """Records, and what holds for all of them."""

    servicekey: Annotated[str, Meta(description="The process.", examples=["VoiceProcess"])]
    media: MediaNumber
    updateparam: Annotated[UpdateParameter, Meta(description="The key that decides between insert and update.")]
    records: Annotated[list[Record], Meta(min_length=1, description="At most 10,000, unless a setting says more.")]
    reqdatetime: Annotated[Moment | None, Meta(description="When the request was made; left out it is now.")] = None
    calltype: Annotated[CallTypeNumber, Meta(description="For records without one.")] = None
    calldatetime: Annotated[Moment | None, Meta(description="For records without one.")] = None
    expirydatetime: Annotated[Moment | None, Meta(description="For records without one.")] = None
    userlogin: Annotated[str | None, Meta(description="For records without one.")] = None
    requestid: Annotated[RequestId | None, Meta(description="As `Idempotency-Key`.")] = None
    verbose: Annotated[
        bool | Literal[0, 1, "0", "1"] | None, Meta(description="`false`: `results` lists only what wants attention.")
    ] = None


class Counts(Struct, forbid_unknown_fields=True):
    """How many records came to what."""

    created: int
    updated: int
    unchanged: int
    stored_not_dialable: int
    rejected: int


class Result(Struct, forbid_unknown_fields=True):
    """What became of one record."""

    index: Annotated[int, Meta(description="The record's place in `records`, from 0.")]
    leadid: int | None
    action: Annotated[str, Meta(description=f"{', '.join(Action)} or rejected.")]
    code: str | None
    field: str | None
    message: str | None
    retryable: bool


class PushAnswer(Struct, forbid_unknown_fields=True):
    """What became of a push of which at least one record was accepted."""

    requestid: str
    counts: Counts
    results: list[Result]
    warnings: list[str]


class Verdict(Struct, forbid_unknown_fields=True):
    """What one rule says of a lead."""

    rule: str
    passed: bool
    reason: str
    until: Annotated[datetime | None, Meta(description="When it will pass, if time alone will do.")]


class Explanation(Struct, kw_only=True):
    """What is known of a lead's next call, with every rule's verdict."""

    number: Annotated[str | None, Meta(description="E.164, if the number is valid.")]
    dialable: bool
    due_at: Annotated[datetime | None, Meta(description="The first legal instant, in UTC; null if never or not known.")]
    due_at_local: Annotated[datetime | None, Meta(description="The same on the recipient's clock.")]
    timezone: str | None
    trunk: str | None
    dial_string: str | None
    caller_id: str | None
    needs_speech: Annotated[bool, Meta(description="Whether audio is to be made before.")]
    verdicts: list[Verdict]


class Trial(Explanation, kw_only=True, forbid_unknown_fields=True):
    """What would become of one record."""

    index: int
    action: Annotated[str, Meta(description=f"{', '.join(Action)} or rejected.")]
    leadid: Annotated[int | None, Meta(description="The lead that it would update.")]
    code: str | None
    field: str | None
    message: str | None


class TrialAnswer(Struct, forbid_unknown_fields=True):
    """What would become of a push."""

    results: list[Trial]


class LeadExplanation(Explanation, kw_only=True, forbid_unknown_fields=True):
    """Why a stored lead is not ringing now."""

    id: int
    state: LeadState
    status: int
    closed_reason: ClosedReason | None
    opening: int


class Attempt(Struct, forbid_unknown_fields=True):
    """One INVITE."""

    id: UUID
    call_id: str | None
    trunk: str
    dial_string: str
    caller_id: str | None
    state: AttemptState
    started_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    sip_status: int | None
    cause: Annotated[int | None, Meta(description="Q.850.")]
    outcome: Outcome | None
    disposition: str | None
    hung_up_by: str | None
    digits: str
    path: Annotated[list[str], Meta(description="The nodes of the flow that were walked.")]


class Lead(Struct, forbid_unknown_fields=True):
    """A customer to be reached, as they are stored."""

    id: int
    servicekey: str | None
    media: Media
    calltype: CallType
    status: Annotated[int, Meta(description="10500 while its speech is made, else its call type.")]
    state: LeadState
    closed_reason: ClosedReason | None
    opening: int
    number: Annotated[str | None, Meta(description="E.164, if the number is valid.")]
    mobilenumber: Annotated[str | None, Meta(description="The number as it was pushed.")]
    name: str | None
    fname: str | None
    lname: str | None
    emailid: str | None
    customercode: str | None
    leadnumber: str | None
    language: str | None
    timezone: str | None
    userlogin: str | None
    due_at: datetime | None
    expires_at: datetime | None
    held_by: Annotated[str | None, Meta(description="The rule that delays it, if one does.")]
    fields: Annotated[Mapping[str, Any], Meta(description="Every other field that was pushed, verbatim.")]
    created_at: datetime
    updated_at: datetime
    attempts: list[Attempt]


class LeadPage(Struct, forbid_unknown_fields=True):
    """Some leads, newest first."""

    items: list[Lead]
    next: Annotated[str | None, Meta(description="The next page's `cursor`; null at the end.")]


class Event(Struct):
    """One thing that happened to a lead; what else it has depends on its kind."""

    id: int
    at: datetime
    kind: EventKind
    lead_id: int
    opening: int
    seq: Annotated[int, Meta(description="Counted per lead from 1.")]


class Timeline(Struct, forbid_unknown_fields=True):
    """Everything that happened to a lead, in order."""

    items: list[Event]


class EventPage(Struct, forbid_unknown_fields=True):
    """Some events, in the order in which they became true."""

    items: list[Event]
    next: Annotated[str | None, Meta(description="The next page's `after`; null if nothing has come yet.")]


class Rejected(Struct, forbid_unknown_fields=True):
    """A record that was rejected."""

    index: int
    code: str | None
    field: str | None
    message: str | None
    record: Annotated[Any, Meta(description="The record as it came.")]


class LoggedRequest(Struct, forbid_unknown_fields=True):
    """What a push said beside its records, its times in UTC. Said again, it means the same to a record."""

    media: Media
    updateparam: UpdateParameter
    reqdatetime: datetime
    calldatetime: datetime | None = None
    expirydatetime: datetime | None = None
    calltype: Annotated[Any, Meta(description="As it came.")] = None
    userlogin: Annotated[Any, Meta(description="As it came.")] = None


class LoggedPush(Struct, forbid_unknown_fields=True):
    """One push."""

    id: int
    at: datetime
    transport: str
    requestid: str | None
    servicekey: str | None
    request: Annotated[LoggedRequest | None, Meta(description="Null of a push from before it was kept.")]
    counts: Mapping[str, int]
    rejected: list[Rejected]
    warnings: list[str]


class PushLogPage(Struct, forbid_unknown_fields=True):
    """Some pushes, newest first."""

    items: list[LoggedPush]
    next: Annotated[str | None, Meta(description="The next page's `cursor`; null at the end.")]


class Trunk(Struct, forbid_unknown_fields=True):
    """A way out, as it stands now."""

    name: str
    channels: Annotated[int, Meta(description="The most calls up at any moment.")]
    channels_in_use: Annotated[int, Meta(description="Calls of all workers that are not over.")]
    cps: Annotated[int, Meta(description="The most INVITEs of any sliding second.")]
    sent_last_second: int
    state: Annotated[TrunkState, Meta(description="`down`: nothing is dialed over it; `trial`: one call, to try it.")]
    reason: Annotated[str | None, Meta(description="Why it is not up.")]
    since: Annotated[datetime | None, Meta(description="When its state changed last; null if it never did.")]
    tried_at: Annotated[datetime | None, Meta(description="When one that is down is tried with one call.")]


class Trunks(Struct, forbid_unknown_fields=True):
    """The trunks of the organisation's processes, in the order of the configuration."""

    items: list[Trunk]


class Fault(Struct):
    """One thing that is wrong."""

    code: str
    field: str | None
    message: str | None
    index: int | None = None
    line: int | None = None
    column: int | None = None


class Problem(Struct):
    """A refusal (RFC 9457): what is wrong, and what would mend it."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="A sentence with the remedy.")]
    code: Annotated[str, Meta(description="Stable; for programs.")]
    field: Annotated[str | None, Meta(description="The parameter, header or field that is wrong.")] = None
    errors: Annotated[list[Fault] | None, Meta(description="Of a push: what is wrong, one by one.")] = None


class Readiness(Struct):
    """Whether all is well."""

    status: str
    missing: Annotated[Mapping[str, str] | None, Meta(description="What is not ready, and why.")] = None
