"""Why a phone rings, or not: what a push would do, and what keeps a stored lead, by the rules of the dialer itself.

Nothing is stored, drawn or locked here. The verdicts are `eligibility.judge`'s, the actions `upsert.decide`'s.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from leadline.clock import Clock
from leadline.domain.agent import Presence, own_agent
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import LOOK_BACK, Facts, Verdict, delaying, forbidding, judge, routes
from leadline.domain.errors import SpeechImpossible, SpeechUnavailable
from leadline.domain.events import EventKind
from leadline.domain.lead import Lead, LeadState, status_number
from leadline.domain.phone import zones_of
from leadline.domain.record import Record
from leadline.domain.upsert import Desk, decide, dials
from leadline.domain.value import Refusal
from leadline.intake.command import _in_turns
from leadline.intake.deciding import Result, check_subscription, desk_of, read_records, refused, result_of
from leadline.intake.request import Push
from leadline.store import agents, dialed, do_not_call, events, leads, trunks
from leadline.store.catalogue import Catalogue, Organisation, Process
from leadline.store.database import Database

HOPS: Final = 8
"""How often a delay is followed to its end before the first legal instant counts as not known."""
_NOTHING: Final[Mapping[str, Any]] = {
    "number": None,
    "dialable": False,
    "due_at": None,
    "due_at_local": None,
    "timezone": None,
    "trunk": None,
    "dial_string": None,
    "caller_id": None,
    "needs_speech": False,
    "verdicts": [],
}


class Explainer:
    """Answers for pushes that are not made, and for leads that are there."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def explain(self, push: Push) -> list[dict[str, Any]]:
        """What the push would do, record by record; raises PushRefused as the push itself would."""
        check_subscription(push)
        read = await _in_turns(read_records(push))
        accepted = [item for item in read if isinstance(item, Record)]
        process, organisation, now = push.process, push.organisation, self._clock.now()
        async with self._database.connection() as connection:
            keys = {record.key for record in accepted}
            stored = await leads.find(connection, process.id, push.update_parameter, keys)
            numbers = {lead.number for lead in stored.values()} | {item.carried.get("number") for item in accepted}
            known = await self._known(connection, process, stored.values(), numbers, now)
        desk, room = desk_of(push, now, known.listed), _Room(organisation, process, known, now)
        return await _in_turns(_tried(index, item, stored, desk, room) for index, item in enumerate(read))

    async def explain_lead(self, organisation: Organisation, known: Catalogue, lead_id: int) -> dict[str, Any] | None:
        """Why a stored lead is not ringing now; None if the organisation has no such lead."""
        async with self._database.connection() as connection:
            lead = await leads.get(connection, organisation.id, lead_id)
            if lead is None:
                return None
            process, now = known.processes.get(lead.process_id), self._clock.now()
            looked_up = None
            if process is not None:
                looked_up = await self._known(connection, process, [lead], {lead.number}, now)
            failure = await _failure(connection, lead)
        state = {
            "id": lead.id,
            "state": lead.state,
            "status": status_number(lead.state, lead.calltype),
            "closed_reason": lead.closed_reason,
            "opening": lead.opening,
        }
        if process is None or looked_up is None:
            reason = "its process has been retired: put it back into the configuration"
            return {**state, **_NOTHING, "number": lead.number, "verdicts": [_shown(Verdict("process", False, reason))]}
        return {**state, **_Room(organisation, process, looked_up, now, failure).explanation(lead)}

    async def _known(
        self,
        connection: Any,
        process: Process,
        stored: Collection[Lead],
        numbers: Collection[str | None],
        now: datetime,
    ) -> "_Known":
        valid = {number for number in numbers if number}
        listed = await do_not_call.listed(connection, process.organisation_id, process.id, valid, now)
        recent = dialed.Recent()
        if process.policy.limits:
            ids = [lead.id for lead in stored]
            recent = await dialed.recent(connection, process.organisation_id, ids, valid, now - LOOK_BACK)
        own = {lead.userlogin for lead in stored if lead.userlogin}
        presences = await agents.presences(connection, process.organisation_id, own) if own else {}
        return _Known(listed, recent, await trunks.unable(connection, process.trunks), presences)


class _Known(Struct, frozen=True):
    """What the rules look at beside the lead and its process."""

    listed: Mapping[str, DoNotCallList]
    recent: dialed.Recent
    unable: Mapping[str, str]
    presences: Mapping[str, Presence]


class _Room:
    """Whose lead it is, and all that the rules look at beside it."""

    def __init__(
        self,
        organisation: Organisation,
        process: Process,
        known: _Known,
        now: datetime,
        failure: str | None = None,
    ) -> None:
        self._process, self._known, self._now = process, known, now
        lapsed = organisation.speech_lapsed(now) if process.speaks else None
        self._speech_reason = lapsed or failure

    def explanation(self, lead: Lead) -> dict[str, Any]:
        """What is known of the lead's next call, with every rule's verdict."""
        policy, facts = self._process.policy, self._facts(lead)
        verdicts = judge(facts)
        ways = routes(facts)
        due_at = _first_legal(facts)
        zone = _zone(lead)
        return {
            "number": lead.number,
            "dialable": dials(policy, lead.media) and bool(ways) and forbidding(verdicts) is None,
            "due_at": due_at,
            "due_at_local": due_at.astimezone(ZoneInfo(zone)).isoformat() if due_at and zone else None,
            "timezone": zone,
            "trunk": ways[0].trunk if ways else None,
            "dial_string": ways[0].dial_string if ways else None,
            "caller_id": policy.caller_id,
            "needs_speech": lead.state is LeadState.AWAITING_PROMPT,
            "verdicts": [_shown(verdict) for verdict in verdicts],
        }

    def _facts(self, lead: Lead) -> Facts:
        process, known = self._process, self._known
        return Facts(
            lead=lead,
            policy=process.policy,
            trunks=process.trunks,
            listed=known.listed.get(lead.number) if lead.number else None,
            speech_reason=self._speech_reason,
            now=self._now,
            paused=process.paused,
            stopped=process.stopped,
            dialed=known.recent.of(lead),
            unable=known.unable,
            own_agent=own_agent(lead, process.policy, known.presences),
        )


def _tried(index: int, item: Record | Refusal, stored: dict[str, Lead], desk: Desk, room: _Room) -> dict[str, Any]:
    """What becomes of one record; a later record of the same key finds what this one would have made."""
    if isinstance(item, Refusal):
        return _answer(refused(index, item), _NOTHING)
    try:
        decision = decide(stored.get(item.key), item, desk, 0)
    except Refusal as refusal:
        return _answer(refused(index, refusal), _NOTHING)
    stored[item.key] = decision.lead
    return _answer(result_of(index, decision), room.explanation(decision.lead))


def _answer(result: Result, explanation: Mapping[str, Any]) -> dict[str, Any]:
    """A record's result, and the explanation beside it; a lead that would be made has no id."""
    return {
        "index": result.index,
        "action": result.action,
        "leadid": result.leadid or None,
        **explanation,
        "code": result.code,
        "field": result.field,
        "message": result.message or result.note,
    }


def _first_legal(facts: Facts) -> datetime | None:
    """The first instant at which every rule lets the phone ring; None if that is never, or not known.

    Audio that only needs to be made is no delay: it takes less than a second. Nor is a trunk that takes no call now:
    nobody knows for how long.
    """
    lead, at = facts.lead, facts.now
    if lead.state is LeadState.AWAITING_PROMPT and facts.speech_reason is None:
        lead = lead.but(state=LeadState.SCHEDULED)
    for _ in range(HOPS):
        verdicts = judge(replace(facts, lead=lead, now=at, unable=None))
        if forbidding(verdicts) is not None:
            return None
        held = delaying(verdicts)
        if held is None:
            return at
        if held.until is None or held.until <= at:
            return None
        at = held.until
    return None


def _zone(lead: Lead) -> str | None:
    """The zone that the recipient is told to be in, else the first that the number's owner may be in."""
    if lead.timezone is not None:
        return lead.timezone
    return next(iter(zones_of(lead.number)), None) if lead.number else None


def _shown(verdict: Verdict) -> dict[str, Any]:
    return {"rule": verdict.rule, "passed": verdict.passed, "reason": verdict.reason, "until": verdict.until}


async def _failure(connection: Any, lead: Lead) -> str | None:
    """What the speech engine said last, of a lead that waits for it."""
    if lead.state is not LeadState.AWAITING_PROMPT or lead.held_by not in _SPEECH_FAILURES:
        return None
    told: Sequence[Mapping[str, Any]] = await events.timeline(connection, lead.organisation_id, lead.id)
    return next((event["reason"] for event in reversed(told) if event["kind"] == EventKind.LEAD_PROMPT_FAILED), None)


_SPEECH_FAILURES: Final = frozenset({SpeechUnavailable.code, SpeechImpossible.code})
