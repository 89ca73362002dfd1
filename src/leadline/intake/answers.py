"""Answers as the vendor writes them: its own nodes first, ours behind them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from leadline.domain.moment import write_moment
from leadline.domain.value import is_blank
from leadline.domain.vendor import Code
from leadline.intake.command import Result, Taken
from leadline.intake.request import METHOD, Problem

METHODS: Final = {
    method.lower(): method
    for method in (
        METHOD,
        "getProcessData",
        "reallocatedata",
        "userStatus",
        "saveDisposition",
        "customer_recording",
    )
}
"""The methods that are answered, in the vendor's spelling, by their lower-case name."""
LONGEST_METHOD: Final = 64


def spelled(nodes: Mapping[str, Any]) -> str | None:
    """The vendor's spelling of a known method, else the method as it came, in text that can be answered."""
    value = nodes.get("method")
    if not isinstance(value, str) or is_blank(value):
        return None
    known = METHODS.get(value.strip().lower())
    return known or value[:LONGEST_METHOD].encode("utf-8", "replace").decode()


def success(method: str, now: datetime, zone: tzinfo, description: str = "success") -> dict[str, Any]:
    """The vendor's nodes of a request that was served."""
    return {
        "method": method,
        "resdatetime": write_moment(now, zone),
        "statuscode": "001",
        "status": "001",
        "statusdesc": description,
    }


def refusal(
    method: str | None, code: Code, problems: Iterable[Problem], now: datetime, zone: tzinfo = UTC
) -> dict[str, Any]:
    """A failure as the vendor writes it, with our errors after its nodes."""
    return {
        "method": method,
        "revisionno": "1",
        "status": int(code),
        "statusdesc": code.description,
        "resdatetime": write_moment(now, zone),
        "statuscode": str(int(code)),
        "errors": [
            {name: getattr(problem, name) for name in ("code", "field", "message", "line", "column")}
            for problem in problems
        ],
    }


def pushed(taken: Taken, now: datetime, zone: tzinfo, *, verbose: bool) -> dict[str, Any]:
    """What became of a push: a failure only if no record was accepted."""
    counts = taken.counts
    ours = {
        "requestid": taken.requestid,
        "counts": counts,
        "results": [_told(result) for result in taken.results if verbose or result.is_worth_telling],
        "warnings": list(taken.warnings),
    }
    rejected = counts["rejected"]
    if rejected == len(taken.results):
        first = taken.results[0]
        problem = Problem(first.code or "", first.field, f"record {first.index}: {first.message}")
        return refusal(METHOD, number_of(first), [problem], now, zone) | ours
    return success(METHOD, now, zone, "partial success" if rejected else "success") | ours


def explained(
    results: Sequence[Mapping[str, Any]], warnings: Sequence[str], now: datetime, zone: tzinfo
) -> dict[str, Any]:
    """What would become of a push that is not made."""
    return success(METHOD, now, zone) | {"results": results, "warnings": warnings}


def number_of(result: Result) -> Code:
    """The vendor's number of a rejected record."""
    return Code(int(result.code)) if result.code and result.code.isdigit() else Code.FAIL


def _told(result: Result) -> dict[str, Any]:
    return {
        "index": result.index,
        "action": result.action,
        "leadid": result.leadid,
        "code": result.code,
        "field": result.field,
        "message": result.message,
        "retryable": result.retryable,
        "note": result.note,
    }
