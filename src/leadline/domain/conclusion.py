"""What an ended attempt makes of its lead: closed with a reason, or due again.

Sources: the table of outcomes in docs/outcomes.md, and the process's retry rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from leadline.domain.attempt import Outcome
from leadline.domain.lead import ClosedReason, Lead, LeadState, advance
from leadline.domain.policy import RetryPolicy, RetryRule
from leadline.domain.vendor import CallType

CONGESTION_WAIT: Final = timedelta(seconds=30)
"""How long a lead waits when every trunk that could carry it is congested."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Either `closed` names why the opening is over, or `due_at` when the phone rings again."""

    reason: str
    closed: ClosedReason | None = None
    due_at: datetime | None = None
    calltype: CallType | None = None
    """What the lead becomes, where the customer asked to be called again."""


def conclude(
    outcome: Outcome,
    history: Mapping[Outcome, int],
    retry: RetryPolicy,
    now: datetime,
    *,
    callback_at: datetime | None = None,
    another_trunk: bool = False,
) -> Conclusion:
    """What becomes of the lead; `history` counts the opening's outcomes, this one included.

    A customer who was abandoned was not reached: to the retry rules, nobody answered.
    """
    match outcome:
        case Outcome.ABANDONED:
            again = _retry(Outcome.NO_ANSWER, history, retry, now)
            return replace(again, reason=f"abandoned, as {again.reason}")
        case Outcome.ANSWERED if callback_at is not None:
            return Conclusion("the customer asked to be called again", None, callback_at, CallType.GENERAL_CALLBACK)
        case Outcome.ANSWERED:
            return Conclusion("the customer was reached", ClosedReason.COMPLETED)
        case Outcome.REJECTED:
            return Conclusion("the customer declined the call", ClosedReason.REJECTED)
        case Outcome.INVALID_NUMBER:
            return Conclusion("the network knows no such number", ClosedReason.INVALID_NUMBER)
        case Outcome.CONGESTION if another_trunk:
            return Conclusion("the trunk is congested, the next one is tried", due_at=now)
        case Outcome.CONGESTION:
            return Conclusion("every trunk is congested", due_at=now + CONGESTION_WAIT)
        case Outcome.UNKNOWN if retry.unknown is None:
            return Conclusion("whether the phone rang cannot be known", ClosedReason.UNKNOWN)
        case _:
            return _retry(outcome, history, retry, now)


def concluded(lead: Lead, conclusion: Conclusion) -> Lead:
    """The lead once the conclusion holds."""
    if conclusion.closed is not None:
        state, calltype = LeadState.CLOSED, lead.calltype
    else:
        state, calltype = LeadState.SCHEDULED, conclusion.calltype or lead.calltype
    return lead.but(
        state=advance(lead.state, state),
        closed_reason=conclusion.closed or lead.closed_reason,
        due_at=conclusion.due_at,
        calltype=calltype,
        held_by=None,
    )


def _retry(outcome: Outcome, history: Mapping[Outcome, int], retry: RetryPolicy, now: datetime) -> Conclusion:
    rule = _rule(outcome, retry)
    same = history.get(outcome, 0)
    if outcome is Outcome.NO_ANSWER:
        same += history.get(Outcome.ABANDONED, 0)
    # A congested trunk is no attempt on the customer.
    attempts = sum(count for what, count in history.items() if what is not Outcome.CONGESTION)
    if rule is None:
        return Conclusion(f"{outcome}: the process has no retry rule for it", ClosedReason.ATTEMPTS_EXHAUSTED)
    if same > rule.times:
        return Conclusion(f"{outcome}: retried {rule.times} times", ClosedReason.ATTEMPTS_EXHAUSTED)
    if attempts >= retry.max_attempts:
        return Conclusion(f"{outcome}: {attempts} attempts were made", ClosedReason.ATTEMPTS_EXHAUSTED)
    return Conclusion(f"{outcome}: tried again", due_at=now + rule.after)


def _rule(outcome: Outcome, retry: RetryPolicy) -> RetryRule | None:
    return {
        Outcome.BUSY: retry.busy,
        Outcome.NO_ANSWER: retry.no_answer,
        Outcome.FAILED: retry.failed,
        Outcome.UNKNOWN: retry.unknown,
    }[outcome]
