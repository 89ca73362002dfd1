"""The vendor's one endpoint, by POST of JSON, POST of a form and GET.

HTTP status is 200 for every document that is answered, a refusal included: vendor clients look at the JSON alone.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.types import Receive, Scope

from leadline.domain.vendor import Code
from leadline.intake.vendor import VendorIntake
from leadline.store.catalogue import Catalogue
from leadline.web.authority import Guard
from leadline.web.body import FORM, JSON, Bodies, kind_of
from leadline.web.data_field import data_of
from leadline.web.shortcut import Endpoint

PATH: Final = "/CustomerWebServices/handleCustomerWS"
_KINDS: Final = JSON | {FORM}
_UNKNOWN_KEY: Final = str(int(Code.API_KEY_NOT_FOUND))


class VendorEndpoint:
    """Takes a document, hands it to the intake, writes the answer."""

    def __init__(
        self,
        intake: VendorIntake,
        catalogue: Callable[[], Catalogue],
        bodies: Bodies,
        guard: Guard,
    ) -> None:
        self._intake, self._catalogue, self._bodies, self._guard = intake, catalogue, bodies, guard

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint(PATH, ("GET", "POST"), self._serve)]

    async def _serve(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] == "GET":
            return await self._answered(scope, data_of(scope["query_string"]), "query")

        async def answered(body: bytes) -> bytes:
            if kind_of(scope) == FORM:
                return await self._answered(scope, data_of(body), "form")
            return await self._answered(scope, body, "json")

        return await self._bodies.handed(scope, receive, answered, _KINDS)

    async def _answered(self, scope: Scope, document: bytes | None, transport: str) -> bytes:
        def admit(digest: bytes) -> None:
            self._guard.spend(scope, digest)

        answer = await self._intake.answer(document, self._catalogue(), transport, admit)
        if answer["statuscode"] == _UNKNOWN_KEY:
            self._guard.note_unknown(scope)
        return msgspec.json.encode(answer)
