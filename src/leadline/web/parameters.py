"""Parameters that several addresses take, read and refused in one way."""

from difflib import get_close_matches
from typing import Annotated, Any, Final

import msgspec
from fastapi import Path, Query
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from leadline.store.catalogue import Process
from leadline.web.authority import Caller
from leadline.web.problems import Refused


class _Plain(StringConvertor):
    """A segment of a path without a colon: what follows one is done to what stands before, by methods of its own."""

    regex = "[^/:]+"


BIGGEST_ID: Final = 2**63 - 1
"""The largest id that a row can have."""
register_url_convertor("plain", _Plain())
LeadId = Annotated[int, Path(ge=1, le=BIGGEST_ID, description="The lead's id.", examples=[1])]
Cursor = Annotated[int | None, Query(ge=1, le=BIGGEST_ID, description="The `next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500, description="The most items of a page.")]
TEXT: Final = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text, so no value has one."""
ServiceKey = Annotated[str | None, Query(description="Only of this process.", examples=["VoiceProcess"])]


def refuse_unknown_parameters(request: Request) -> None:
    """A parameter that is misspelled would be a filter left out: it is refused, with the nearest that there is."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none here'}"
            raise Refused(400, "unknown_parameter", f"{name[:64]} is no parameter of this address: {hint}", field=name)


def processes_of(caller: Caller, servicekey: str | None) -> list[Process]:
    """The caller's process of that key, or all of its processes, retired ones too; raises Refused with 404."""
    wanted = None if servicekey is None else servicekey.strip()
    processes = caller.known.readable(caller.organisation.id, wanted)
    if wanted is not None and not processes:
        raise Refused(404, "service_key_not_found", "servicekey names no process of yours", field="servicekey")
    return processes


def found(what: Any) -> Any:
    """What was asked for; raises Refused with 404 if the organisation has no such lead."""
    if not what:
        raise Refused(404, "lead_not_found", "there is no such lead of yours", field="lead_id")
    return what


def answer(document: Any) -> Response:
    """A document as the body of a 200."""
    return Response(msgspec.json.encode(document), media_type="application/json")
