"""The vendor's documents, answered: a push taken or explained, a sibling method, or why not.

It translates and decides nothing: what a node must be is `request.py`'s, what becomes of a record `command.py`'s.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec.structs import replace

from leadline.clock import Clock
from leadline.domain.vendor import Code
from leadline.intake.answers import METHODS, explained, pushed, refusal, spelled, success
from leadline.intake.command import Intake, Taken
from leadline.intake.document import Document, read_allowed
from leadline.intake.explain import Explainer
from leadline.intake.idempotency import Door, KeyReused, take_once
from leadline.intake.request import METHOD, Limits, Problem, PushRefused, authenticate, everyone, understand
from leadline.intake.siblings import Siblings
from leadline.store.catalogue import Catalogue, Organisation

DOOR: Final = Door("vendor", waits=True)
NO_DOCUMENT: Final = Problem(
    "malformed_json",
    "data",
    "there is no field data: send data={JSON}, or the document itself as application/json",
    1,
    1,
)


class VendorIntake:
    """Answers the documents of the vendor's endpoint; every refusal is an answer too."""

    def __init__(self, intake: Intake, explainer: Explainer, siblings: Siblings, clock: Clock, limits: Limits) -> None:
        self._intake, self._explainer, self._siblings = intake, explainer, siblings
        self._clock, self._limits = clock, limits

    async def answer(
        self, body: bytes | None, catalogue: Catalogue, transport: str, admit: Callable[[bytes], None] = everyone
    ) -> dict[str, Any]:
        """The answer to one document, None if the request held none; raises DatabaseUnavailable, Overloaded.

        `admit` is told the hash of the API key once that is known, and may raise whatever is to keep the request out.
        """
        method: str | None = None
        try:
            document = await _read(body, catalogue)
            method = spelled(document.nodes)
            known = _known(method)
            organisation = authenticate(document.nodes, catalogue, admit)
            if known == METHOD:
                return await self._pushed(document, body or b"", organisation, catalogue, transport)
            told = await self._siblings.answer(known, document.nodes, organisation, catalogue)
        except PushRefused as refused:
            return refusal(method, refused.code, [refused.problem], self._clock.now(), refused.zone)
        warnings = [*document.warnings, *told.get("warnings", ())]
        return success(known, self._clock.now(), organisation.timezone) | told | {"warnings": warnings}

    async def _pushed(
        self, document: Document, body: bytes, organisation: Organisation, catalogue: Catalogue, transport: str
    ) -> dict[str, Any]:
        push = understand(document.nodes, organisation, catalogue, self._limits, transport)
        if document.warnings:
            push = replace(push, warnings=document.warnings)
        if push.dryrun:
            results = await self._explainer.explain(push)
            return explained(results, push.warnings, self._clock.now(), organisation.timezone)
        zone = organisation.timezone

        def render(taken: Taken) -> dict[str, Any]:
            return pushed(taken, self._clock.now(), zone, verbose=push.verbose)

        try:
            return await take_once(self._intake, push, body, DOOR, render, self._clock)
        except KeyReused as reused:
            raise PushRefused(Code.FAIL, Problem("request_id_reused", "requestid", str(reused)), zone) from None


def _read(body: bytes | None, catalogue: Catalogue) -> Awaitable[Document]:
    if body is None:
        raise PushRefused(Code.FAIL, NO_DOCUMENT)
    return read_allowed(body, catalogue)


def _known(method: str | None) -> str:
    if method is None or method not in METHODS.values():
        message = f"method must be one of: {', '.join(METHODS.values())}"
        raise PushRefused(Code.FAIL, Problem("unknown_method", "method", message))
    return method
