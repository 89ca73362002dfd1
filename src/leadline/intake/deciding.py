"""What pushes make of the leads that are there: records read, decided one by one, and what is to be written of it.

Nothing here waits for anything. A batch of pushes is decided as if one had come after the other.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from string import hexdigits
from typing import Any, Final, Protocol

from msgspec import Struct

from leadline.domain import record as records
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import Facts, Verdict, forbidden
from leadline.domain.events import Event
from leadline.domain.lead import ClosedReason, Lead
from leadline.domain.record import Record, read_record
from leadline.domain.telling import numbered
from leadline.domain.upsert import Action, Decision, Desk, decide, dials
from leadline.domain.value import Refusal, unkeepable
from leadline.domain.vendor import Code
from leadline.intake.request import Problem, Push, PushRefused
from leadline.store import leads, pushes
from leadline.store.answers import Answer, Place
from leadline.store.matching import Key, Matches, Stripe, stripe_of
from leadline.store.writing import Rows


class Result(Struct, frozen=True):
    """What became of one record."""

    index: int
    action: str
    leadid: int | None = None
    code: str | None = None
    field: str | None = None
    message: str | None = None
    retryable: bool = False
    note: str | None = None
    """What was not taken of an accepted record, and why."""

    @property
    def is_worth_telling(self) -> bool:
        """Whether it is listed even if nobody asked for every result."""
        return self.code is not None


class Taken(Struct, frozen=True):
    """What became of a push."""

    requestid: str
    results: Sequence[Result]
    counts: Mapping[str, int]
    """How many records came to each action."""
    warnings: Sequence[str] = ()


class Seal(Protocol):
    """Has a push taken once: its answer is kept in the transaction that stores it."""

    @property
    def place(self) -> Place:
        """Where the answer is kept."""
        ...

    async def open(self, connection: Any) -> None:
        """Hold the place; raises, where the push has been answered, whatever is to go out instead."""
        ...

    def keep(self, taken: Taken) -> Answer:
        """The answer to the push, called before the commit."""
        ...


_ACTIONS: Final = (*(action.value for action in Action), "rejected")


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Reading:
    """A push whose records have been read, and all that must be looked up before it can be decided."""

    push: Push
    records: Sequence[Record | Refusal]
    requestid: str
    keys: Collection[Key]
    """What the records are matched by, in their order."""
    stripes: frozenset[Stripe]
    """Locks of every key they carry: a push by another of them at the same time must see these leads too."""
    numbers: frozenset[tuple[int, int, str]]
    """The numbers they carry, each with the organisation and the process."""
    seal: Seal | None = None


def check_subscription(push: Push) -> None:
    """A process that speaks needs an organisation that may; raises PushRefused."""
    if not dials(push.process.policy, push.media) or not push.process.speaks:
        return
    if push.organisation.tts_until is None:
        message = "the process speaks, and the organisation has no TTS subscription: ask the operator for one"
        raise PushRefused(Code.FAIL, Problem("tts_not_subscribed", "servicekey", message), push.organisation.timezone)


def read_records(push: Push) -> Iterator[Record | Refusal]:
    """Each record of a push as understood, or why it cannot be."""
    desk = records.Desk(
        policy=push.process.policy,
        zone=push.organisation.timezone,
        update_parameter=push.update_parameter,
        logins=push.organisation.logins,
        defaults=push.defaults,
    )
    for raw in push.records:
        try:
            yield read_record(raw, desk)
        except Refusal as refusal:
            yield refusal


def reading_of(push: Push, read: Sequence[Record | Refusal], seal: Seal | None = None) -> Reading:
    """The push with its records as they were read."""
    organisation, process = push.organisation.id, push.process.id
    keys: dict[Key, None] = {}
    stripes: set[Stripe] = set()
    numbers: set[tuple[int, int, str]] = set()
    for record in read:
        if isinstance(record, Refusal):
            continue
        keys[process, record.key] = None
        for parameter, column in _KEY_COLUMNS:
            if key := record.carried.get(column):
                stripes.add(stripe_of(process, parameter, key))
        if number := record.carried.get("number"):
            numbers.add((organisation, process, number))
    requestid = push.requestid or _new_requestid()
    return Reading(push, read, requestid, keys, frozenset(stripes), frozenset(numbers), seal)


_KEY_COLUMNS: Final = tuple(leads.KEY_COLUMNS.items())


def _new_requestid() -> str:
    """A random UUID (RFC 9562, version 4): what `str(uuid4())` is, in a quarter of its time."""
    digits = token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


_VARIANT: Final = {digit: "89ab"[int(digit, 16) % 4] for digit in hexdigits.lower()}


def desk_of(push: Push, now: datetime, listed: Mapping[str, DoNotCallList]) -> Desk:
    """By whose rules a push is decided; `listed` has the numbers that its process must not call."""
    process = push.process

    def forbids(lead: Lead) -> Verdict | None:
        on = listed.get(lead.number) if lead.number else None
        facts = Facts(lead, process.policy, process.trunks, on, None, now)
        return forbidden(facts)

    return Desk(
        organisation_id=push.organisation.id,
        process_id=process.id,
        media=push.media,
        requested_at=push.requested_at,
        now=now,
        policy=process.policy,
        speaks=process.speaks,
        spoken=process.spoken,
        forbids=forbids,
    )


@dataclass(slots=True)
class Ledger:
    """Leads as a batch makes them, before they are written."""

    now: datetime
    stored: dict[Key, Lead]
    ids: Mapping[Key, int]
    listed: Mapping[int, Mapping[str, DoNotCallList]]
    new: dict[int, Lead] = field(default_factory=dict)
    changed: dict[int, Lead] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)
    pushes: list[Mapping[str, Any]] = field(default_factory=list)

    @classmethod
    def opened(cls, matches: Matches, now: datetime) -> "Ledger":
        return cls(now, dict(matches.leads), matches.ids, matches.listed)

    @property
    def rows(self) -> Rows:
        return Rows(list(self.new.values()), list(self.changed.values()), self.events, self.pushes)

    def decided(self, reading: Reading) -> Iterator[Result]:
        """What becomes of each record of a push, after all that was decided before it."""
        push = reading.push
        desk = desk_of(push, self.now, self.listed.get(push.process.id, {}))
        return (self._decided(index, item, desk) for index, item in enumerate(reading.records))

    def close(self, reading: Reading, results: Sequence[Result]) -> Taken:
        """A push of which every record is decided; it stands in the push log."""
        push = reading.push
        counts = dict.fromkeys(_ACTIONS, 0)
        for result in results:
            counts[result.action] += 1
        taken = Taken(reading.requestid, results, counts, self._warnings(push, results))
        self.pushes.append(
            pushes.row(
                push.organisation.id,
                push.process.id,
                self.now,
                push.transport,
                reading.requestid,
                said(push),
                {action: count for action, count in counts.items() if count},
                [(r, keepable(push.records[r.index])) for r in results if r.action == "rejected"],
                taken.warnings,
            )
        )
        return taken

    def _warnings(self, push: Push, results: Sequence[Result]) -> list[str]:
        lapsed = push.organisation.speech_lapsed(self.now) if push.process.speaks else None
        return [
            *push.warnings,
            *([lapsed] if lapsed else []),
            *(f"record {r.index}: {r.note}" for r in results if r.note),
        ]

    def _decided(self, index: int, item: Record | Refusal, desk: Desk) -> Result:
        if isinstance(item, Refusal):
            return refused(index, item)
        key = desk.process_id, item.key
        existing = self.stored.get(key)
        try:
            decision = decide(existing, item, desk, 0 if existing else self.ids[key])
        except Refusal as refusal:
            return refused(index, refusal)
        lead = decision.lead
        if lead is not existing:
            written = self.new if existing is None or existing.id in self.new else self.changed
            written[lead.id] = self.stored[key] = lead
            self.events += numbered(lead, self.now, decision.events)
        return result_of(index, decision)


def result_of(index: int, decision: Decision) -> Result:
    """What a decision is answered with."""
    action, leadid, verdict = decision.action.value, decision.lead.id, decision.forbidden
    if verdict is None or verdict.closes is None:
        return Result(index, action, leadid, note=decision.note)
    node = "expirydatetime" if verdict.closes is ClosedReason.EXPIRED else "mobilenumber"
    return Result(index, action, leadid, verdict.closes.value, node, verdict.reason, note=decision.note)


def refused(index: int, refusal: Refusal) -> Result:
    """What a refusal is answered with."""
    return Result(index, "rejected", None, refusal.code, refusal.field, refusal.message, refusal.retryable)


def said(push: Push) -> dict[str, Any]:
    """What a push says beside its records, for the push log, as understood: said again, it means the same."""
    nodes = {"media": push.media, "updateparam": push.update_parameter, "reqdatetime": push.requested_at}
    defaults = push.defaults
    for name, value in (
        ("calldatetime", defaults.call_at),
        ("expirydatetime", defaults.expires_at),
        ("calltype", defaults.calltype),
        ("userlogin", defaults.userlogin),
    ):
        if value is not None:
            nodes[name] = keepable(value)
    return nodes


def keepable(value: Any) -> Any:
    """A value for the push log: as it came, or as the text of its JSON if PostgreSQL cannot hold it."""
    if unkeepable(value) is None:
        return value
    try:
        return json.dumps(value)
    except RecursionError:
        return None
