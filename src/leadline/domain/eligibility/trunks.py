"""Rules of the trunks: which may carry a call to a number, and whether one of them takes it now."""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from leadline.domain.eligibility.facts import Facts, Verdict
from leadline.domain.lead import ClosedReason
from leadline.domain.phone import Number, parse_number
from leadline.domain.policy import TrunkPolicy
from leadline.domain.trunk import Undialable, dial_string


class Route(Struct, frozen=True):
    """A trunk that may carry the call, and what it is to be sent."""

    trunk: str
    dial_string: str


Tried: TypeAlias = Route | Undialable


def routes(facts: Facts) -> list[Route]:
    """The trunks that may carry a call to the lead's number, in the process's order."""
    number = parse_number(facts.lead.number, facts.policy.region) if facts.lead.number else None
    return [] if number is None else [way for way in _tried(facts, number) if isinstance(way, Route)]


def routed(facts: Facts, number: Number) -> Verdict:
    """A number that no trunk may carry is never called."""
    if not facts.trunks:
        return Verdict("trunk", False, "the process has no trunk: configure one that it may use")
    refusals = []
    for way in _tried(facts, number):
        if isinstance(way, Route):
            return Verdict("trunk", True, f"trunk {way.trunk} dials {way.dial_string}")
        refusals.append(str(way))
    return Verdict("trunk", False, "; ".join(refusals), closes=ClosedReason.NOT_DIALABLE)


def opened(facts: Facts, number: Number) -> Verdict:
    """A call waits while no trunk that may carry it takes one: each is full, or out of order."""
    if facts.unable is None:
        return Verdict("trunk_open", True, "whether a trunk is free is known where calls are made")
    ways = [way.trunk for way in _tried(facts, number) if isinstance(way, Route)]
    free = next((trunk for trunk in ways if trunk not in facts.unable), None)
    if free is not None:
        return Verdict("trunk_open", True, f"trunk {free} takes a call now")
    if not ways:
        return Verdict("trunk_open", False, "no trunk may carry the call")
    return Verdict("trunk_open", False, "; ".join(f"trunk {trunk}: {facts.unable[trunk]}" for trunk in ways))


def _tried(facts: Facts, number: Number) -> Iterator[Tried]:
    for trunk in facts.trunks:
        try:
            yield _route(trunk, number, facts.policy.region)
        except Undialable as refusal:
            yield refusal


def _route(trunk: TrunkPolicy, number: Number, region: str) -> Route:
    if trunk.numbers and not number.e164.startswith(trunk.numbers):
        raise Undialable(f"trunk {trunk.name} takes numbers that begin with {', '.join(trunk.numbers)}")
    if number.type.is_costly and number.type.name.lower() not in trunk.number_types:
        kind = number.type.name.lower().replace("_", " ")
        raise Undialable(
            f"{number.e164} is a {kind} number, and trunk {trunk.name} does not list {number.type.name.lower()}"
        )
    return Route(trunk.name, dial_string(number, trunk.prefix, region))
