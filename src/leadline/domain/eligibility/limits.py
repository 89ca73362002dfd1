"""Limits of attempts: how often one lead and one number are tried, and how soon again.

A day is the recipient's local day, a week is today and the six days before. Where several zones are possible, the
limit holds in each; where none is known, everywhere in the world.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from leadline.domain.eligibility.facts import Facts, Verdict
from leadline.domain.eligibility.hours import ANYWHERE, midnight, zones
from leadline.domain.phone import Number
from leadline.domain.policy import Limit

WEEK: Final = 7
LOOK_BACK: Final = timedelta(days=WEEK + 1)
"""How far back attempts may count: seven local days, the first of which began up to a day before."""


def judged(facts: Facts, number: Number) -> Iterator[Verdict]:
    """The verdicts of all limits."""
    limits, lead = facts.policy.limits, facts.lead
    if not limits:
        yield from _NO_LIMITS
        return
    there = zones(facts, number) or ANYWHERE
    own = [each.started_at for each in facts.dialed if each.lead_id == lead.id]
    to_number = [each.started_at for each in facts.dialed if each.number == number.e164]
    yield _limited(facts, "attempts_per_lead", "the lead", limits.per_lead, own, there)
    yield _limited(facts, "attempts_per_number", number.e164, limits.per_number, to_number, there)
    yield _gap(facts, number, to_number)


_NO_LIMITS: Final = tuple(
    Verdict(rule, True, "the process has no such limit") for rule in ("attempts_per_lead", "attempts_per_number", "gap")
)


def _limited(
    facts: Facts, rule: str, whom: str, limit: Limit, attempts: Sequence[datetime], there: Sequence[str]
) -> Verdict:
    if not limit:
        return Verdict(rule, True, "the process has no such limit")
    full = [
        (until, f"{whom} has been tried {most} times {said}, which is the limit")
        for most, days, said in ((limit.day, 1, "today"), (limit.week, WEEK, "in seven days"))
        if most is not None
        for zone in there
        if (until := _frees_at(most, days, attempts, zone, facts.now)) is not None
    ]
    if full:
        until, reason = max(full)
        return Verdict(rule, False, reason, until=until)
    return Verdict(rule, True, f"{whom} has been tried less often than the limit")


def _frees_at(most: int, days: int, attempts: Sequence[datetime], zone: str, now: datetime) -> datetime | None:
    """When so many attempts have left the last `days` local days that another may be made; None if it may now."""
    clock = ZoneInfo(zone)
    span = timedelta(days=days)
    today = now.astimezone(clock).date()
    counted = sorted(day for at in attempts if (day := at.astimezone(clock).date()) > today - span)
    return midnight(counted[-most] + span, zone) if len(counted) >= most else None


def _gap(facts: Facts, number: Number, attempts: Sequence[datetime]) -> Verdict:
    gap = facts.policy.limits.gap
    if gap is None:
        return Verdict("gap", True, "the process has no such limit")
    until = max((at + gap for at in attempts), default=None)
    if until is None or until <= facts.now:
        return Verdict("gap", True, f"{number.e164} was not tried within the last {_said(gap)}")
    return Verdict("gap", False, f"{number.e164} was tried within the last {_said(gap)}", until=until)


def _said(gap: timedelta) -> str:
    minutes, seconds = divmod(int(gap.total_seconds()), 60)
    return f"{minutes} minutes" if not seconds else f"{int(gap.total_seconds())} seconds"
