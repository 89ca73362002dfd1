"""Rules of the lead itself: what it is, whether it may ever be called, and what it waits for."""

from datetime import UTC
from typing import Final

from leadline.domain.agent import away
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility.facts import Facts, Verdict
from leadline.domain.lead import ClosedReason, Lead, LeadState
from leadline.domain.moment import write_moment
from leadline.domain.offer import is_agreed
from leadline.domain.phone import Number
from leadline.domain.policy import Mode
from leadline.domain.vendor import FOR_AGENTS, VOICE

_WAITING: Final = frozenset({LeadState.AWAITING_PROMPT, LeadState.SCHEDULED, LeadState.OFFERED})
_VOICE: Final = Verdict("voice", True, "the medium is voice")
_RUNNING: Final = Verdict("process", True, "the process is running")
_UNLISTED: Final = Verdict("do_not_call", True, "the number is on no do-not-call list")
_UNENDING: Final = Verdict("expiry", True, "the lead does not expire")
_UNASKED: Final = Verdict("agent", True, "no agent's word is needed")
_SPOKEN: Final = Verdict("speech", True, "no audio is waited for")


def medium(facts: Facts) -> Verdict:
    media = facts.lead.media
    return _VOICE if media in VOICE else Verdict("voice", False, f"medium {media} dials nobody")


def direction(facts: Facts) -> Verdict:
    dials = facts.policy.direction != "inbound"
    return Verdict("direction", dials, f"the process is {facts.policy.direction}")


def process(facts: Facts) -> Verdict:
    """A process that is paused or stopped calls nobody."""
    if facts.stopped:
        return Verdict("process", False, "the process is stopped: resume it, and its leads go on")
    if facts.paused:
        return Verdict("process", False, "the process is paused: resume it, and its leads go on")
    return _RUNNING


def valid(lead: Lead, number: Number | None) -> Verdict:
    if number is not None:
        return Verdict("valid_number", True, f"{number.e164} is a valid {number.region} number")
    said = f"{lead.mobilenumber!r} is no valid telephone number" if lead.mobilenumber else "there is no mobilenumber"
    return Verdict("valid_number", False, f"{said}: push it again with one", closes=ClosedReason.NOT_DIALABLE)


def listed(facts: Facts) -> Verdict:
    return _UNLISTED if facts.listed is None else on_list(facts.lead.number, facts.listed)


def on_list(number: str | None, on: DoNotCallList) -> Verdict:
    """The verdict on a number that stands on a list."""
    reason = f"{number} is on the do-not-call list of the {on}"
    return Verdict("do_not_call", False, reason, closes=ClosedReason.DO_NOT_CALL)


def expiry(facts: Facts) -> Verdict:
    expires_at = facts.lead.expires_at
    if expires_at is None:
        return _UNENDING
    passed = facts.now < expires_at
    reason = f"the lead {'expires' if passed else 'expired'} at {write_moment(expires_at, UTC)} UTC"
    return Verdict("expiry", passed, reason, closes=None if passed else ClosedReason.EXPIRED)


def agent(facts: Facts) -> Verdict:
    """Previews wait for an agent's word, callbacks with an agent of their own for that one."""
    lead, policy = facts.lead, facts.policy
    if is_agreed(lead):
        return Verdict("agent", True, "an agent has said that it is to be dialed")
    if lead.state is LeadState.OFFERED:
        return Verdict("agent", False, "it is offered to an agent, whose word it waits for")
    if lead.calltype in FOR_AGENTS or policy.mode is Mode.PREVIEW:
        return Verdict("agent", False, "a preview is dialed when an agent says so")
    if facts.own_agent is not None:
        waits = away(lead, policy.agents, facts.own_agent, facts.now)
        if waits is not None:
            return Verdict("agent", False, waits[0], until=waits[1])
        return Verdict("agent", True, f"{lead.userlogin} is ready, or others may call by now")
    return _UNASKED


def speech(facts: Facts) -> Verdict:
    if facts.lead.state is not LeadState.AWAITING_PROMPT:
        return _SPOKEN
    return Verdict("speech", False, facts.speech_reason or "the audio is being made (status 10500)")


def call_time(facts: Facts) -> Verdict:
    lead = facts.lead
    if lead.due_at is None or lead.state not in _WAITING:
        return Verdict("call_time", False, f"nothing is due: the lead is {lead.state}")
    passed = lead.due_at <= facts.now
    reason = f"due {'since' if passed else 'at'} {write_moment(lead.due_at, UTC)} UTC"
    return Verdict("call_time", passed, reason, until=None if passed else lead.due_at)
