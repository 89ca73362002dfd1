"""The vendor's one endpoint, by POST of JSON, POST of a form and GET.

HTTP status is 200 for every document that is answered, a refusal included: vendor clients look at the JSON alone.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from leadline.domain.vendor import Code
from leadline.intake.vendor import VendorIntake
from leadline.store.catalogue import Catalogue, key_hash
from leadline.web.authority import Guard
from leadline.web.body import FORM, JSON, Bodies, kind_of
from leadline.web.data_field import data_of

PATH: Final = "/CustomerWebServices/handleCustomerWS"
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

    def routes(self) -> list[Route]:
        route = Route(PATH, self._serve, include_in_schema=False)
        route.methods = {"GET", "POST"}  # a HEAD, which comes with GET unless told otherwise, would push
        return [route]

    async def _serve(self, request: Request) -> Response:
        if request.method == "GET":
            return await self._answered(request, data_of(request.scope["query_string"]), "query")
        async with self._bodies.whole(request, JSON | {FORM}) as body:
            if kind_of(request) == FORM:
                return await self._answered(request, data_of(body), "form")
            return await self._answered(request, body, "json")

    async def _answered(self, request: Request, document: bytes | None, transport: str) -> Response:
        def admit(apikey: str) -> None:
            self._guard.spend(request, key_hash(apikey))

        answer = await self._intake.answer(document, self._catalogue(), transport, admit)
        if answer["statuscode"] == _UNKNOWN_KEY:
            self._guard.note_unknown(request)
        return Response(msgspec.json.encode(answer), media_type="application/json")
