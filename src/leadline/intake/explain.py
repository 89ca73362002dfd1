"""Why a phone rings, or not: what a push would do, and what keeps a stored lead, by the rules of the dialer itself.

Nothing is stored, drawn or locked here. The verdicts are `eligibility.judge`'s, the actions `upsert.decide`'s.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from leadline.clock import Clock
from leadline.domain.eligibility import Facts, Verdict, delaying, forbidding, judge, routes
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
from leadline.store import do_not_call, events, leads
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
        process, organisation = push.process, push.organisation
        async with self._database.connection() as connection:
            keys = {record.key for record in accepted}
            stored = await leads.find(connection, process.id, push.update_parameter, keys)
            numbers = {lead.number for lead in stored.values()} | {item.carried.get("number") for item in accepted}
            listed = await do_not_call.listed(connection, organisation.id, {n for n in numbers if n})
        now = self._clock.now()
        desk, room = desk_of(push, now, listed), _Room(organisation, process, listed, now)
        return await _in_turns(_tried(index, item, stored, desk, room) for index, item in enumerate(read))

    async def explain_lead(self, organisation: Organisation, known: Catalogue, lead_id: int) -> dict[str, Any] | None:
        """Why a stored lead is not ringing now; None if the organisation has no such lead."""
        async with self._database.connection() as connection:
            lead = await leads.get(connection, organisation.id, lead_id)
            if lead is None:
                return None
            listed = await do_not_call.listed(connection, organisation.id, [lead.number] if lead.number else [])
            failure = await _failure(connection, lead)
        state = {
            "id": lead.id,
            "state": lead.state,
            "status": status_number(lead.state, lead.calltype),
            "closed_reason": lead.closed_reason,
            "opening": lead.opening,
        }
        process = known.processes.get(lead.process_id)
        if process is None:
            reason = "its process has been retired: put it back into the configuration"
            return {**state, **_NOTHING, "number": lead.number, "verdicts": [_shown(Verdict("process", False, reason))]}
        return {**state, **_Room(organisation, process, listed, self._clock.now(), failure).explanation(lead)}


class _Room:
    """Whose lead it is, and all that the rules look at beside it."""

    def __init__(
        self,
        organisation: Organisation,
        process: Process,
        listed: frozenset[str],
        now: datetime,
        failure: str | None = None,
    ) -> None:
        self._process, self._listed, self._now = process, listed, now
        lapsed = organisation.speech_lapsed(now) if process.speaks else None
        self._speech_reason = lapsed or failure

    def explanation(self, lead: Lead) -> dict[str, Any]:
        """What is known of the lead's next call, with every rule's verdict."""
        policy = self._process.policy
        facts = Facts(lead, policy, self._process.trunks, lead.number in self._listed, self._speech_reason, self._now)
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

    Audio that only needs to be made is no delay: it takes less than a second.
    """
    lead, at = facts.lead, facts.now
    if lead.state is LeadState.AWAITING_PROMPT and facts.speech_reason is None:
        lead = lead.but(state=LeadState.SCHEDULED)
    for _ in range(HOPS):
        verdicts = judge(replace(facts, lead=lead, now=at))
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
