"""The vendor's wire format, both ways: bytes to nodes, and what became of a push to the vendor's answer.

It translates and decides nothing: what a node must be is `request.py`'s, what becomes of a record `command.py`'s.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from math import inf
from typing import Any, Final

import msgspec

from leadline.clock import Clock
from leadline.domain.moment import write_moment
from leadline.domain.value import is_blank
from leadline.domain.vendor import Code
from leadline.intake.command import Intake, Result, Taken
from leadline.intake.request import METHOD, Limits, Problem, PushRefused, authenticate, normalised, understand
from leadline.store.catalogue import Catalogue

METHODS: Final = {METHOD.lower(): METHOD}
"""The methods that are answered, by their lower-case name."""
LONGEST_METHOD: Final = 64


class VendorIntake:
    """Answers Push Data documents; every refusal is an answer too."""

    def __init__(self, intake: Intake, clock: Clock, limits: Limits) -> None:
        self._intake = intake
        self._clock = clock
        self._limits = limits

    async def answer(self, body: bytes, catalogue: Catalogue, transport: str) -> dict[str, Any]:
        """The answer to one document; raises DatabaseUnavailable if it could not be stored."""
        method: str | None = None
        try:
            nodes = read_document(body)
            method = _method(nodes)
            _check_method(method)
            organisation = authenticate(nodes, catalogue)
            push = understand(nodes, organisation, catalogue, self._limits, transport)
            taken = await self._intake.take(push)
        except PushRefused as refused:
            return refusal(method, refused.code, [refused.problem], self._clock.now(), refused.zone)
        return _taken(taken, self._clock.now(), organisation.timezone, verbose=push.verbose)


def read_document(body: bytes) -> dict[str, Any]:
    """The nodes of a JSON document, by their name in lower case; raises PushRefused with line and column."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8", "replace")
        raise _malformed("the body is not UTF-8", before, len(before)) from None
    try:
        document = _decoded(text)
    except RecursionError:
        raise _malformed("the document is nested too deeply", text, 0) from None
    except json.JSONDecodeError as error:
        raise _malformed(error.msg, text, error.pos) from None
    if not isinstance(document, dict):
        raise _malformed("the document must be an object of nodes", text, 0)
    return normalised(document)


def _decoded(text: str) -> Any:
    """The document by msgspec, for speed; what it refuses is read again by the standard library.

    That says exactly where a fault is, and takes what JSON's grammar allows though no record may hold it: halves
    of surrogate pairs, numbers without end.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text, parse_int=_integer, parse_constant=lambda name: _no_constant(text, name))


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return inf


def _no_constant(text: str, name: str) -> None:
    raise json.JSONDecodeError(f"{name} is not JSON", text, text.find(name))


def _malformed(message: str, text: str, at: int) -> PushRefused:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    problem = Problem("malformed_json", None, f"line {line}, column {column}: {message}", line, column)
    return PushRefused(Code.FAIL, problem)


def _method(nodes: Mapping[str, Any]) -> str | None:
    """The vendor's spelling of a known method, else the method as it came, in text that can be answered."""
    value = nodes.get("method")
    if not isinstance(value, str) or is_blank(value):
        return None
    as_it_came = value[:LONGEST_METHOD].encode("utf-8", "replace").decode()
    return METHODS.get(value.strip().lower(), as_it_came)


def _check_method(method: str | None) -> None:
    if method not in METHODS.values():
        known = ", ".join(METHODS.values())
        raise PushRefused(Code.FAIL, Problem("unknown_method", "method", f"method must be one of: {known}"))


def refusal(
    method: str | None, code: Code, problems: list[Problem], now: datetime, zone: tzinfo = UTC
) -> dict[str, Any]:
    """A failure as the vendor writes it, with our errors after its nodes."""
    return {
        "method": method,
        "revisionno": "1",
        "status": int(code),
        "statusdesc": code.description,
        "resdatetime": write_moment(now, zone),
        "statuscode": str(int(code)),
        "errors": [_fields(problem) for problem in problems],
    }


def _taken(taken: Taken, now: datetime, zone: tzinfo, *, verbose: bool) -> dict[str, Any]:
    rejected = [result for result in taken.results if result.action == "rejected"]
    ours = {
        "requestid": taken.requestid,
        "counts": taken.counts,
        "results": [_fields(result) for result in taken.results if verbose or result.is_worth_telling],
        "warnings": list(taken.warnings),
    }
    if len(rejected) == len(taken.results):
        first = rejected[0]
        problem = Problem(first.code or "", first.field, f"record {first.index}: {first.message}")
        return refusal(METHOD, _number(first), [problem], now, zone) | ours
    return {
        "method": METHOD,
        "resdatetime": write_moment(now, zone),
        "statuscode": "001",
        "status": "001",
        "statusdesc": "partial success" if rejected else "success",
    } | ours


def _number(result: Result) -> Code:
    return Code(int(result.code)) if result.code and result.code.isdigit() else Code.FAIL


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
