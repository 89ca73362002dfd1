"""The one intake command: a push in, what became of each record out, all of it durable before it is answered.

One transaction reads the leads that the keys name (locked), decides record by record, and writes leads, due
rows, events and the push's own row. The same key twice in one push is decided twice, in order: the later wins.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import asyncpg

from leadline.clock import Clock
from leadline.domain import record as records
from leadline.domain.eligibility import Facts, Verdict, forbidding, judge
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.events import Event
from leadline.domain.lead import Lead
from leadline.domain.record import Record, Refusal, read_record
from leadline.domain.upsert import Action, Decision, Desk, decide
from leadline.domain.vendor import Code
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

    @property
    def is_worth_telling(self) -> bool:
        """Whether it is listed even if nobody asked for every result."""
        return self.code is not None or self.message is not None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a push."""

    requestid: str
    results: Sequence[Result]
    warnings: Sequence[str] = ()

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(result.action for result in self.results)
        return {name: counted[name] for name in (*Action, "rejected")}


@dataclass(slots=True)
class _Draft:
    """Leads as the push makes them, before they are written."""

    stored: dict[str, Lead]
    listed: frozenset[str]
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
        now = self._clock.now()
        _check_subscription(push)
        read = [_read(raw, push, now) for raw in push.records]
        requestid = push.requestid or str(uuid4())
        for _ in range(ATTEMPTS):
            try:
                results = await self._write(push, read, requestid, now)
            except asyncpg.DeadlockDetectedError:
                continue
            warnings = [lapsed] if push.process.speaks and (lapsed := push.organisation.speech_lapsed(now)) else []
            return Taken(requestid, results, warnings)
        raise DatabaseUnavailable("too many pushes of the same customers at once; nothing was stored, push again")

    async def _write(self, push: Push, read: Sequence[Record | Refusal], requestid: str, now: datetime) -> list[Result]:
        accepted = [record for record in read if isinstance(record, Record)]
        keys = {record.key for record in accepted}
        process, parameter = push.process, push.update_parameter
        async with self._database.transaction() as connection:
            await leads.lock_keys(connection, process.id, parameter, keys)
            stored = await leads.find(connection, process.id, parameter, list(keys))
            numbers = {lead.number for lead in stored.values()} | {record.carried.get("number") for record in accepted}
            listed = await do_not_call.listed(connection, push.organisation.id, numbers - {None})
            ids = iter(await leads.new_ids(connection, len(keys - stored.keys())))
            draft = _Draft(stored, listed)
            desk = _desk(push, now, listed)
            results = [
                _refused(index, item) if isinstance(item, Refusal) else _decided(index, item, draft, desk, ids)
                for index, item in enumerate(read)
            ]
            await leads.insert(connection, list(draft.new.values()))
            await leads.update(connection, list(draft.changed.values()))
            await event_store.write(connection, draft.events)
            await pushes.write(connection, push.organisation.id, process.id, now, push.transport, requestid, _tally(results),
                               [(r, push.records[r.index]) for r in results if r.action == "rejected"])  # fmt: skip
        return results


def _check_subscription(push: Push) -> None:
    if push.process.speaks and push.organisation.tts_until is None:
        message = "the process speaks, and the organisation has no TTS subscription: ask the operator for one"
        raise PushRefused(Code.FAIL, Problem("tts_not_subscribed", "servicekey", message), push.organisation.timezone)


def _read(raw: object, push: Push, now: datetime) -> Record | Refusal:
    desk = records.Desk(
        policy=push.process.policy,
        zone=push.organisation.timezone,
        update_parameter=push.update_parameter,
        logins=push.organisation.logins,
        defaults=push.defaults,
        now=now,
    )
    try:
        return read_record(raw, desk)
    except Refusal as refusal:
        return refusal


def _desk(push: Push, now: datetime, listed: frozenset[str]) -> Desk:
    process = push.process

    def forbids(lead: Lead) -> Verdict | None:
        facts = Facts(lead, process.policy, process.trunks, lead.number in listed, None, now)
        return forbidding(judge(facts))

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


def _decided(index: int, record: Record, draft: _Draft, desk: Desk, ids: Any) -> Result:
    existing = draft.stored.get(record.key)
    decision = decide(existing, record, desk, 0 if existing else next(ids))
    lead = leads.counted(decision.lead, len(decision.events))
    draft.stored[record.key] = lead
    if decision.events:
        written = draft.new if existing is None or existing.id in draft.new else draft.changed
        written[lead.id] = lead
        draft.events += _numbered(decision, lead, desk.now)
    return _result(index, decision)


def _numbered(decision: Decision, lead: Lead, now: datetime) -> list[tuple[int, Event]]:
    first = lead.events - len(decision.events) + 1
    return [
        (seq, Event(lead.organisation_id, lead.id, lead.opening, now, kind, data))
        for seq, (kind, data) in enumerate(decision.events, first)
    ]


def _result(index: int, decision: Decision) -> Result:
    result = Result(index, decision.action.value, decision.lead.id, message=decision.note)
    if decision.forbidden is None:
        return result
    verdict = decision.forbidden
    return replace(result, code=verdict.closes, field="mobilenumber", message=verdict.reason)


def _refused(index: int, refusal: Refusal) -> Result:
    return Result(index, "rejected", None, refusal.code, refusal.field, refusal.message, refusal.retryable)


def _tally(results: Sequence[Result]) -> Mapping[str, int]:
    return Counter(result.action for result in results)
