"""What happens to a lead, as the timeline, the feed, the webhooks and the pages read it.

Every change of state writes its event in the same transaction. An event's `seq` counts the lead's events from
1; `opening` is the life of the lead that it belongs to, and `lead.closed` is the last event of each opening.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class EventKind(StrEnum):
    """The kinds of event, and what their data hold."""

    LEAD_CREATED = "lead.created"
    """A push inserted the lead: media, calltype, number."""
    LEAD_UPDATED = "lead.updated"
    """A push changed what is known of the lead: changed (names of nodes)."""
    LEAD_REOPENED = "lead.reopened"
    """A push began a new opening: calltype."""
    LEAD_AWAITING_PROMPT = "lead.awaiting_prompt"
    """The lead waits for its audio at status 10500: due_at, reason."""
    LEAD_PROMPTS_READY = "lead.prompts_ready"
    """The audio is there: prompts (how many), late (seconds behind its time, if it is)."""
    LEAD_PROMPT_FAILED = "lead.prompt_failed"
    """The speech engine could not make the audio: reason, again_at."""
    LEAD_SCHEDULED = "lead.scheduled"
    """The lead may be dialed: due_at, reason."""
    LEAD_HELD = "lead.held"
    """A rule forbids dialing now: rule, reason, until."""
    LEAD_OFFERED = "lead.offered"
    """The lead was offered to an agent: login, until."""
    LEAD_OFFER_PASSED = "lead.offer_passed"
    """The agent did not take it: login, reason (skipped, timeout, away)."""
    LEAD_AGREED = "lead.agreed"
    """The agent said that it is to be dialed: login."""
    LEAD_DIALING = "lead.dialing"
    """The lead was claimed and is being dialed: attempt."""
    LEAD_CONNECTED = "lead.connected"
    """The customer answered: attempt."""
    LEAD_CLOSED = "lead.closed"
    """The opening is over: reason. Exactly one of each opening."""
    ATTEMPT_CREATED = "attempt.created"
    """An attempt was committed, before its INVITE: attempt, trunk, dial_string, caller_id."""
    ATTEMPT_ORIGINATING = "attempt.originating"
    """The INVITE has been handed to the engine: attempt."""
    ATTEMPT_RINGING = "attempt.ringing"
    """The phone rings: attempt, call_id."""
    ATTEMPT_ANSWERED = "attempt.answered"
    """The customer answered: attempt, call_id."""
    ATTEMPT_IN_FLOW = "attempt.in_flow"
    """The message flow began: attempt, flow."""
    ATTEMPT_NODE = "attempt.node"
    """The flow arrived at a node: attempt, node."""
    ATTEMPT_DIGIT = "attempt.digit"
    """The customer pressed a key: attempt, digit, node."""
    ATTEMPT_WAITING_AGENT = "attempt.waiting_agent"
    """The customer waits for an agent: attempt; queue, agent or number."""
    ATTEMPT_AGENT_CALLED = "attempt.agent_called"
    """A second leg was begun: attempt, leg, login or number."""
    ATTEMPT_AGENT_MISSED = "attempt.agent_missed"
    """The second leg was not answered: attempt, leg, login or number, reason."""
    ATTEMPT_BRIDGED = "attempt.bridged"
    """The two hear each other: attempt, leg, login or number."""
    ATTEMPT_ABANDONED = "attempt.abandoned"
    """The customer was called ahead of the agents and nobody spoke to them in time: attempt, reason."""
    ATTEMPT_TRANSFER_ENDED = "attempt.transfer_ended"
    """The transfer is over: attempt, result."""
    ATTEMPT_CALLBACK = "attempt.callback"
    """The customer asked to be called again: attempt, at."""
    ATTEMPT_DO_NOT_CALL = "attempt.do_not_call"
    """The customer asked not to be called again: attempt, list, until."""
    ATTEMPT_ENDED = "attempt.ended"
    """The call is over: attempt, outcome, sip_status, cause, hung_up_by, disposition, digits."""


class Event(Struct, frozen=True):
    """One thing that happened to a lead."""

    organisation_id: int
    lead_id: int
    opening: int
    at: datetime
    kind: EventKind
    data: Mapping[str, Any] = field(default_factory=dict)
