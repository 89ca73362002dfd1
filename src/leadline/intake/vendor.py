"""The vendor's wire format, both ways: bytes to nodes, and what became of a push to the vendor's answer.

It translates and decides nothing: what a node must be is `request.py`'s, what becomes of a record `command.py`'s.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec

from leadline.clock import Clock
from leadline.domain.moment import write_moment
from leadline.domain.vendor import Code
from leadline.intake.command import Intake, Result, Taken
from leadline.intake.request import METHOD, Limits, Problem, PushRefused, authenticate, normalised, understand
from leadline.store.catalogue import Catalogue

METHODS: Final = {METHOD.lower(): METHOD}
"""The methods that are answered, by their lower-case name."""
LONGEST_METHOD: Final = 64
_BYTE: Final = re.compile(r"\(byte (\d+)\)")


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
            if method not in METHODS.values():
                known = ", ".join(METHODS.values())
                raise PushRefused(Code.FAIL, Problem("unknown_method", "method", f"method must be one of: {known}"))
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
        raise _malformed("the body is not UTF-8", body, error.start) from None
    try:
        document = msgspec.json.decode(text)
    except RecursionError:
        raise _malformed("the document is nested too deeply", body, 0) from None
    except msgspec.DecodeError as error:
        at = _BYTE.search(str(error))
        raise _malformed(str(error), text.encode(), int(at.group(1)) if at else 0) from None
    if not isinstance(document, dict):
        raise _malformed("the document must be an object of nodes", body, 0)
    return normalised(document)


def _malformed(message: str, body: bytes, at: int) -> PushRefused:
    before = body[:at].decode("utf-8", "replace")
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    problem = Problem("malformed_json", None, f"line {line}, column {column}: {message}", line, column)
    return PushRefused(Code.FAIL, problem)


def _method(nodes: Mapping[str, Any]) -> str | None:
    value = nodes.get("method")
    if not isinstance(value, str) or not value.strip():
        return None
    return METHODS.get(value.strip().lower(), value.strip()[:LONGEST_METHOD])


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
