"""The modern form of Push Data, both ways: a JSON body to the vendor's nodes, and what became of it to our answer.

It translates and decides nothing: what a node must be is `request.py`'s, what becomes of a record `command.py`'s.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from leadline.clock import Clock
from leadline.domain.value import is_blank, plain_text
from leadline.domain.vendor import Code
from leadline.intake.command import Intake, Result, Taken
from leadline.intake.document import read_document
from leadline.intake.explain import Explainer
from leadline.intake.idempotency import Door, take_once
from leadline.intake.request import Limits, Problem, Push, PushRefused, understand
from leadline.store.catalogue import Catalogue, Organisation

TRANSPORT: Final = "v1"
DOOR: Final = Door("v1", waits=False)
FIELDS: Final = (
    "servicekey", "media", "updateparam", "records", "reqdatetime", "calltype", "calldatetime", "expirydatetime",
    "userlogin", "requestid", "verbose",
)  # fmt: skip
"""What the body may hold; a misspelled field is refused, since left out it would change what is done."""


class Asked(NamedTuple):
    """One request: its body, whose it is, and the `Idempotency-Key` it came with."""

    body: bytes
    organisation: Organisation
    known: Catalogue
    idempotency_key: str | None = None


class NothingAccepted(Exception):
    """A push every record of which was rejected; it stands in the push log all the same."""

    def __init__(self, answer: dict[str, Any], errors: list[dict[str, Any]]) -> None:
        super().__init__("no record was accepted")
        self.answer, self.errors = answer, errors


class RestIntake:
    """Takes and tries pushes of `/v1`."""

    def __init__(self, intake: Intake, explainer: Explainer, clock: Clock, limits: Limits) -> None:
        self._intake, self._explainer, self._clock, self._limits = intake, explainer, clock, limits

    async def push(self, asked: Asked) -> dict[str, Any]:
        """What became of a push; raises PushRefused, NothingAccepted, KeyReused, StillRunning, DatabaseUnavailable."""
        try:
            push = self._understood(asked)
            render = partial(_document, verbose=push.verbose)
            # The document is what an answer that is given again is made of: nothing else is looked at from here on.
            return _settled(await take_once(self._intake, push, asked.body, DOOR, render, self._clock))
        except PushRefused as refused:
            raise _reworded(refused) from None

    async def explain(self, asked: Asked) -> dict[str, Any]:
        """What would become of a push; nothing is stored. Raises PushRefused, DatabaseUnavailable."""
        try:
            results = await self._explainer.explain(self._understood(asked))
        except PushRefused as refused:
            raise _reworded(refused) from None
        return {"results": [result | {"message": _own_words(result["message"])} for result in results]}

    def _understood(self, asked: Asked) -> Push:
        nodes = read_document(asked.body)
        _check(nodes)
        nodes["data"] = nodes.pop("records", None)
        if is_blank(nodes.get("reqdatetime")):
            nodes["reqdatetime"] = self._clock.now().isoformat()
        if is_blank(nodes.get("verbose")):
            nodes["verbose"] = True
        if asked.idempotency_key is not None:
            nodes["requestid"] = asked.idempotency_key
        return understand(nodes, asked.organisation, asked.known, self._limits, TRANSPORT)


def _check(nodes: Mapping[str, Any]) -> None:
    for name in nodes:
        if name not in FIELDS:
            hint = "POST it to /v1/leads:explain to try it" if name == "dryrun" else f"there are {', '.join(FIELDS)}"
            written = name.encode("utf-8", "replace").decode()
            raise PushRefused(Code.FAIL, Problem("unknown_field", written, f"{written} is no field of a push; {hint}"))
    verbose = nodes.get("verbose")
    if not is_blank(verbose) and plain_text(verbose) not in ("0", "1") and not isinstance(verbose, bool):
        raise PushRefused(Code.FAIL, Problem("invalid_field", "verbose", "verbose must be true or false"))


def _document(taken: Taken, *, verbose: bool) -> dict[str, Any]:
    return {
        "requestid": taken.requestid,
        "counts": taken.counts,
        "results": [_shown(result) for result in taken.results if verbose or result.is_worth_telling],
        "warnings": list(taken.warnings),
    }


def _settled(document: dict[str, Any]) -> dict[str, Any]:
    """The document itself; raises NothingAccepted if it tells of rejected records alone."""
    counts = document["counts"]
    if counts["rejected"] < sum(counts.values()):
        return document
    names = ("index", "code", "field", "message")
    raise NothingAccepted(document, [{name: result[name] for name in names} for result in document["results"]])


def _shown(result: Result) -> dict[str, Any]:
    return {
        "index": result.index,
        "leadid": result.leadid,
        "action": result.action,
        "code": result.code,
        "field": result.field,
        "retryable": result.retryable,
        "message": _own_words(result.message or result.note),
    }


def _reworded(refused: PushRefused) -> PushRefused:
    """A refusal that speaks of `records`, as this form of the push calls what the vendor calls `data`."""
    problem = refused.problem
    field = "records" if problem.field == "data" else problem.field
    message = _own_words(problem.message) or ""
    return PushRefused(refused.code, replace(problem, field=field, message=message), refused.zone)


def _own_words(message: str | None) -> str | None:
    if message is None:
        return None
    return (
        message.replace("element of data ", "element of records ")
        .replace("data must ", "records must ")
        .replace("data has ", "records has ")
    )
