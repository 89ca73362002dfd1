"""The one intake command: a push in, what became of each record out, all of it durable before it is answered.

One transaction reads the leads that the keys name (locked), decides record by record, and writes leads, due
rows, events and the push's own row. The same key twice in one push is decided twice, in order: the later wins.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import asyncpg

from leadline.clock import Clock
from leadline.domain import record as records
from leadline.domain.eligibility import Facts, Verdict, forbidden
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.events import Event
from leadline.domain.lead import ClosedReason, Lead
from leadline.domain.record import Record, read_record
from leadline.domain.upsert import Action, Decision, Desk, decide, dials
from leadline.domain.value import Refusal, unkeepable
from leadline.domain.vendor import Code, UpdateParameter
from leadline.intake.request import Problem, Push, PushRefused
from leadline.store import do_not_call, leads, pushes
from leadline.store import events as event_store
from leadline.store.database import Database

ATTEMPTS: Final = 5
"""How often a push is written again when PostgreSQL ends it for a deadlock."""


@dataclass(frozen=True, slots=True)
class Result:
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


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a push."""

    requestid: str
    results: Sequence[Result]
    warnings: Sequence[str] = ()

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(result.action for result in self.results)
        return {name: counted[name] for name in (*(action.value for action in Action), "rejected")}


@dataclass(slots=True)
class _Draft:
    """Leads as the push makes them, before they are written."""

    stored: dict[str, Lead]
    ids: list[int]
    """Ids for new leads, the next one last."""
    new: dict[int, Lead] = field(default_factory=dict)
    changed: dict[int, Lead] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)


class Intake:
    """Takes pushes for every organisation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self, push: Push) -> Taken:
        """Store a push; raises PushRefused if none of it can be, DatabaseUnavailable if it is to be sent again."""
        _check_subscription(push)
        reading = _reading_desk(push)
        read = [_read(raw, reading) for raw in push.records]
        requestid = push.requestid or str(uuid4())
        for _ in range(ATTEMPTS):
            try:
                results = await self._write(push, read, requestid)
            except (asyncpg.DeadlockDetectedError, leads.Moved):
                continue
            return Taken(requestid, results, _warnings(push, results, self._clock.now()))
        raise DatabaseUnavailable("too many pushes of the same customers at once; nothing was stored, push again")

    async def _write(self, push: Push, read: Sequence[Record | Refusal], requestid: str) -> list[Result]:
        accepted = [record for record in read if isinstance(record, Record)]
        keys = {record.key for record in accepted}
        process, parameter = push.process, push.update_parameter
        async with self._database.transaction() as connection:
            await leads.lock_keys(connection, process.id, _all_keys(accepted))
            stored = await leads.find(connection, process.id, parameter, keys)
            numbers = [lead.number for lead in stored.values()] + [record.carried.get("number") for record in accepted]
            listed = await do_not_call.listed(connection, push.organisation.id, {n for n in numbers if n})
            ids = await leads.new_ids(connection, len(keys - stored.keys()))
            draft = _Draft(stored, sorted(ids, reverse=True))
            now = self._clock.now()
            desk = _desk(push, now, listed)
            results = [_decided(index, item, draft, desk) for index, item in enumerate(read)]
            await leads.insert(connection, list(draft.new.values()))
            await leads.update(connection, list(draft.changed.values()))
            await event_store.write(connection, draft.events)
            rejected = [(r, keepable(push.records[r.index])) for r in results if r.action == "rejected"]
            await pushes.write(
                connection,
                push.organisation.id,
                process.id,
                now,
                push.transport,
                requestid,
                Counter(result.action for result in results),
                rejected,
            )
        return results


def _check_subscription(push: Push) -> None:
    if not dials(push.process.policy, push.media) or not push.process.speaks:
        return
    if push.organisation.tts_until is None:
        message = "the process speaks, and the organisation has no TTS subscription: ask the operator for one"
        raise PushRefused(Code.FAIL, Problem("tts_not_subscribed", "servicekey", message), push.organisation.timezone)


def _warnings(push: Push, results: Sequence[Result], now: datetime) -> list[str]:
    lapsed = push.organisation.speech_lapsed(now) if push.process.speaks else None
    return [*([lapsed] if lapsed else []), *(f"record {r.index}: {r.note}" for r in results if r.note)]


def _all_keys(accepted: Sequence[Record]) -> set[tuple[UpdateParameter, str]]:
    """Every key that the records carry: a push by another of them at the same time must see these leads too."""
    return {
        (parameter, key)
        for record in accepted
        for parameter, column in leads.KEY_COLUMNS.items()
        if (key := record.carried.get(column))
    }


def _read(raw: object, desk: records.Desk) -> Record | Refusal:
    try:
        return read_record(raw, desk)
    except Refusal as refusal:
        return refusal


def _reading_desk(push: Push) -> records.Desk:
    return records.Desk(
        policy=push.process.policy,
        zone=push.organisation.timezone,
        update_parameter=push.update_parameter,
        logins=push.organisation.logins,
        defaults=push.defaults,
    )


def _desk(push: Push, now: datetime, listed: frozenset[str]) -> Desk:
    process = push.process

    def forbids(lead: Lead) -> Verdict | None:
        facts = Facts(lead, process.policy, process.trunks, lead.number in listed, None, now)
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


def _decided(index: int, item: Record | Refusal, draft: _Draft, desk: Desk) -> Result:
    if isinstance(item, Refusal):
        return _refused(index, item)
    existing = draft.stored.get(item.key)
    try:
        decision = decide(existing, item, desk, 0 if existing else draft.ids[-1])
    except Refusal as refusal:
        return _refused(index, refusal)
    if existing is None:
        draft.ids.pop()
    lead = leads.counted(decision.lead, len(decision.events)) if decision.events else decision.lead
    if lead is not existing:
        written = draft.new if existing is None or existing.id in draft.new else draft.changed
        written[lead.id] = draft.stored[item.key] = lead
        draft.events += _numbered(decision, lead, desk.now)
    return _result(index, decision)


def _numbered(decision: Decision, lead: Lead, now: datetime) -> list[tuple[int, Event]]:
    first = lead.events - len(decision.events) + 1
    return [
        (seq, Event(lead.organisation_id, lead.id, lead.opening, now, kind, data))
        for seq, (kind, data) in enumerate(decision.events, first)
    ]


def _result(index: int, decision: Decision) -> Result:
    result = Result(index, decision.action.value, decision.lead.id, note=decision.note)
    verdict = decision.forbidden
    if verdict is None or verdict.closes is None:
        return result
    node = "expirydatetime" if verdict.closes is ClosedReason.EXPIRED else "mobilenumber"
    return replace(result, code=verdict.closes.value, field=node, message=verdict.reason)


def keepable(record: Any) -> Any:
    """A refused record for the push log: as it came, or as the text of its JSON if PostgreSQL cannot hold it."""
    if unkeepable(record) is None:
        return record
    try:
        return json.dumps(record)
    except RecursionError:
        return None


def _refused(index: int, refusal: Refusal) -> Result:
    return Result(index, "rejected", None, refusal.code, refusal.field, refusal.message, refusal.retryable)
