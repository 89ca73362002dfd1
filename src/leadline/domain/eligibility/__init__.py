"""May this lead be dialed now, by which trunk, else when: every rule, as one list of verdicts.

The dialer, the intake, the dry run and explain all read the same list. A verdict that fails says one of three
things: never (`closes` names the reason), not before `until`, or not until something changes.
"""

from collections.abc import Iterable, Iterator, Sequence

from leadline.domain.eligibility import customer, hours, limits, trunks
from leadline.domain.eligibility.customer import on_list
from leadline.domain.eligibility.facts import Dialed, Facts, Verdict
from leadline.domain.eligibility.limits import LOOK_BACK
from leadline.domain.eligibility.trunks import Route, routes
from leadline.domain.phone import Number, parse_number

__all__ = [
    "LOOK_BACK",
    "Dialed",
    "Facts",
    "Route",
    "Verdict",
    "delaying",
    "forbidden",
    "forbidding",
    "judge",
    "on_list",
    "routes",
]


def judge(facts: Facts) -> list[Verdict]:
    """Every rule's verdict, in the order in which a person would ask."""
    lead = facts.lead
    number = parse_number(lead.number, facts.policy.region) if lead.number else None
    verdicts = [customer.medium(facts), customer.direction(facts), customer.process(facts), *_closing(facts, number)]
    verdicts += [customer.agent(facts), customer.speech(facts), customer.call_time(facts), hours.schedule(facts)]
    if number is not None:
        verdicts += [hours.holiday(facts, number), hours.calling_hours(facts, number), *limits.judged(facts, number)]
        verdicts.append(trunks.opened(facts, number))
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


def _closing(facts: Facts, number: Number | None) -> Iterator[Verdict]:
    """The rules that can close a lead."""
    yield customer.valid(facts.lead, number)
    if number is not None:
        yield customer.listed(facts)
        yield trunks.routed(facts, number)
    yield customer.expiry(facts)
