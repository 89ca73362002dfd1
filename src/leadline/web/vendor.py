"""The vendor's one endpoint: Push Data by JSON POST.

HTTP status is 200 for every document that is answered, a refusal included: vendor clients look at the JSON alone.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from leadline.intake.vendor import VendorIntake
from leadline.store.catalogue import Catalogue
from leadline.web.body import read_json_body

PATH: Final = "/CustomerWebServices/handleCustomerWS"


class VendorEndpoint:
    """Takes a document, hands it to the intake, writes the answer."""

    def __init__(self, intake: VendorIntake, catalogue: Callable[[], Catalogue], max_body: int) -> None:
        self._intake, self._catalogue, self._max_body = intake, catalogue, max_body

    def routes(self) -> list[Route]:
        return [Route(PATH, self._post, methods=["POST"], include_in_schema=False)]

    async def _post(self, request: Request) -> Response:
        body = await read_json_body(request, self._max_body)
        answer = await self._intake.answer(body, self._catalogue(), "json")
        return Response(msgspec.json.encode(answer), media_type="application/json")
