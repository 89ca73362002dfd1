"""May this lead be dialed now, by which trunk, else when: every rule, as one list of verdicts.

The dialer, the intake, the dry run and explain all read the same list. A verdict that fails says one of three
things: never (`closes` names the reason), not before `until`, or not until something changes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from leadline.domain.calling_hours import next_open, within
from leadline.domain.lead import ClosedReason, Lead, LeadState
from leadline.domain.phone import Number, parse_number, zones_of
from leadline.domain.policy import ProcessPolicy, TrunkPolicy
from leadline.domain.trunk import Undialable, dial_string
from leadline.domain.vendor import CallType, Media


class Verdict(Struct, frozen=True):
    """What one rule says, and what would change it."""

    rule: str
    passed: bool
    reason: str
    until: datetime | None = None
    closes: ClosedReason | None = None


class Facts(Struct, frozen=True):
    """All that the rules look at."""

    lead: Lead
    policy: ProcessPolicy
    trunks: Sequence[TrunkPolicy]
    """The process's trunks, in the order in which they are tried."""
    listed: bool
    """Whether the number is on a do-not-call list."""
    speech_reason: str | None
    """Why speech cannot be made now, if it cannot."""
    now: datetime


class Route(Struct, frozen=True):
    """A trunk that may carry the call, and what it is to be sent."""

    trunk: str
    dial_string: str


_WAITING: Final = frozenset({LeadState.AWAITING_PROMPT, LeadState.SCHEDULED, LeadState.OFFERED})


def judge(facts: Facts) -> list[Verdict]:
    """Every rule's verdict, in the order in which a person would ask."""
    lead = facts.lead
    number = parse_number(lead.number, facts.policy.region) if lead.number else None
    verdicts = [_medium(facts), _direction(facts), *_closing(facts, number)]
    verdicts += [_agent(lead), _speech(facts), _call_time(facts)]
    if number is not None:
        verdicts.append(_hours(facts, number))
    return verdicts


def forbidding(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The first rule that closes the lead as it is."""
    for verdict in verdicts:
        if not verdict.passed and verdict.closes:
            return verdict
    return None


def forbidden(facts: Facts) -> Verdict | None:
    """What `forbidding(judge(facts))` says, without asking the rules that can only delay."""
    number = parse_number(facts.lead.number, facts.policy.region) if facts.lead.number else None
    return forbidding(_closing(facts, number))


def delaying(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The rule that holds the lead longest; one that cannot say how long outlasts all others."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    timed = [(verdict.until, verdict) for verdict in failed if verdict.until is not None]
    if len(timed) < len(failed):
        return next(verdict for verdict in failed if verdict.until is None)
    return max(timed, key=lambda entry: entry[0])[1] if timed else None


def routes(facts: Facts) -> list[Route]:
    """The trunks that may carry a call to the lead's number, in the process's order."""
    number = parse_number(facts.lead.number, facts.policy.region) if facts.lead.number else None
    if number is None:
        return []
    found = []
    for trunk in facts.trunks:
        try:
            found.append(_route(trunk, number, facts.policy.region))
        except Undialable:
            continue
    return found


def _closing(facts: Facts, number: Number | None) -> Iterator[Verdict]:
    """The rules that can close a lead."""
    yield _valid(facts.lead, number)
    if number is not None:
        yield _listed(facts)
        yield _routed(facts, number)
    yield _expiry(facts)


def _route(trunk: TrunkPolicy, number: Number, region: str) -> Route:
    if number.type.is_costly and number.type.name.lower() not in trunk.number_types:
        kind = number.type.name.lower().replace("_", " ")
        raise Undialable(
            f"{number.e164} is a {kind} number, and trunk {trunk.name} does not list {number.type.name.lower()}"
        )
    return Route(trunk.name, dial_string(number, trunk.prefix, region))


def _medium(facts: Facts) -> Verdict:
    media = Media(facts.lead.media)
    return Verdict("voice", media.is_voice, "the medium is voice" if media.is_voice else f"medium {media} dials nobody")


def _direction(facts: Facts) -> Verdict:
    dials = facts.policy.direction != "inbound"
    return Verdict("direction", dials, f"the process is {facts.policy.direction}")


def _valid(lead: Lead, number: Number | None) -> Verdict:
    if number is not None:
        return Verdict("valid_number", True, f"{number.e164} is a valid {number.region} number")
    said = f"{lead.mobilenumber!r} is no valid telephone number" if lead.mobilenumber else "there is no mobilenumber"
    return Verdict("valid_number", False, f"{said}: push it again with one", closes=ClosedReason.NOT_DIALABLE)


def _listed(facts: Facts) -> Verdict:
    if not facts.listed:
        return Verdict("do_not_call", True, "the number is on no do-not-call list")
    return Verdict(
        "do_not_call", False, f"{facts.lead.number} is on a do-not-call list", closes=ClosedReason.DO_NOT_CALL
    )


def _routed(facts: Facts, number: Number) -> Verdict:
    if not facts.trunks:
        return Verdict("trunk", False, "the process has no trunk: configure one that it may use")
    refusals = []
    for trunk in facts.trunks:
        try:
            route = _route(trunk, number, facts.policy.region)
        except Undialable as refusal:
            refusals.append(str(refusal))
        else:
            return Verdict("trunk", True, f"trunk {route.trunk} dials {route.dial_string}")
    return Verdict("trunk", False, "; ".join(refusals), closes=ClosedReason.NOT_DIALABLE)


def _expiry(facts: Facts) -> Verdict:
    expires_at = facts.lead.expires_at
    if expires_at is None:
        return Verdict("expiry", True, "the lead does not expire")
    passed = facts.now < expires_at
    reason = f"the lead {'expires' if passed else 'expired'} at {expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return Verdict("expiry", passed, reason, closes=None if passed else ClosedReason.EXPIRED)


def _agent(lead: Lead) -> Verdict:
    if CallType(lead.calltype).waits_for_agent:
        return Verdict("agent", False, "a preview is dialed when an agent says so")
    return Verdict("agent", True, "no agent's word is needed")


def _speech(facts: Facts) -> Verdict:
    if facts.lead.state is not LeadState.AWAITING_PROMPT:
        return Verdict("speech", True, "no audio is waited for")
    return Verdict("speech", False, facts.speech_reason or "the audio is being made (status 10500)")


def _call_time(facts: Facts) -> Verdict:
    lead = facts.lead
    if lead.due_at is None or lead.state not in _WAITING:
        return Verdict("call_time", False, f"nothing is due: the lead is {lead.state}")
    passed = lead.due_at <= facts.now
    reason = f"due {'since' if passed else 'at'} {lead.due_at:%Y-%m-%d %H:%M:%S} UTC"
    return Verdict("call_time", passed, reason, until=None if passed else lead.due_at)


def _hours(facts: Facts, number: Number) -> Verdict:
    hours = facts.policy.calling_hours
    if hours is None:
        return Verdict("calling_hours", True, "the process calls at any time")
    zones = (facts.lead.timezone,) if facts.lead.timezone else zones_of(number.e164)
    if not zones:
        return Verdict(
            "calling_hours", False, "the recipient's time zone is not known: push a timezone with the record"
        )
    where = ", ".join(zones)
    if within(hours, zones, facts.now):
        return Verdict("calling_hours", True, f"within calling hours in {where}")
    opens = next_open(hours, zones, facts.now)
    if opens is None:
        return Verdict("calling_hours", False, f"no time of the week is within calling hours in all of {where}")
    return Verdict("calling_hours", False, f"outside calling hours in {where}", until=opens)
