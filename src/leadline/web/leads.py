"""`/v1/leads`: what became of each customer, read back by the CRM that pushed them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from leadline.domain.lead import LeadState
from leadline.domain.phone import number_key
from leadline.store import events, lead_views
from leadline.store.catalogue import Catalogue, Organisation, Process
from leadline.store.database import Database
from leadline.web.authority import organisation_of
from leadline.web.problems import Refused

BIGGEST_ID: Final = 2**63 - 1
"""The largest id that a row can have."""
LeadId = Annotated[int, Path(ge=1, le=BIGGEST_ID)]


def router(database: Database, catalogue: Callable[[], Catalogue]) -> APIRouter:
    """The routes, on this database, for the organisations of the catalogue."""
    routes = APIRouter(prefix="/v1", tags=["leads"], default_response_class=Response)

    @routes.get("/leads", summary="The organisation's leads, newest first")
    async def list_leads(
        request: Request,
        servicekey: str | None = None,
        mobilenumber: str | None = None,
        customercode: str | None = None,
        crmuniquefield: str | None = None,
        state: LeadState | None = None,
        cursor: Annotated[int | None, Query(ge=1, le=BIGGEST_ID)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        known = catalogue()
        organisation = organisation_of(request, known)
        _refuse_unstorable(customercode=customercode, crmuniquefield=crmuniquefield)
        filters = {"customercode": customercode, "crm_key": crmuniquefield, "state": state}
        wanted = {
            process.id: _wanted(process, mobilenumber, filters)
            for process in _processes(organisation, known, servicekey)
        }
        async with database.connection() as connection:
            query = lead_views.Query(wanted, limit, cursor)
            page = await lead_views.page(connection, organisation.id, known.servicekey_by_id, query)
        return _json({"items": page.items, "next": None if page.next is None else str(page.next)})

    @routes.get("/leads/{lead_id}", summary="One lead, with its attempts")
    async def read_lead(request: Request, lead_id: LeadId) -> Response:
        known = catalogue()
        organisation = organisation_of(request, known)
        async with database.connection() as connection:
            return _json(_found(await lead_views.one(connection, organisation.id, known.servicekey_by_id, lead_id)))

    @routes.get("/leads/{lead_id}/timeline", summary="Everything that happened to a lead, in order")
    async def read_timeline(request: Request, lead_id: LeadId) -> Response:
        organisation = organisation_of(request, catalogue())
        async with database.connection() as connection:
            items = await events.timeline(connection, organisation.id, lead_id)
        # A lead without events does not exist: its insertion writes the first.
        return _json({"items": _found(items)})

    return routes


def _processes(organisation: Organisation, known: Catalogue, servicekey: str | None) -> Sequence[Process]:
    if servicekey is None:
        return [process for process in known.processes.values() if process.organisation_id == organisation.id]
    process = known.process_of(servicekey.strip())
    if process is None or process.organisation_id != organisation.id:
        raise Refused(404, "service_key_not_found", "servicekey names no process of yours", field="servicekey")
    return [process]


def _refuse_unstorable(**values: str | None) -> None:
    """PostgreSQL keeps no NUL in a text, so no lead has one."""
    for name, value in values.items():
        if value is not None and "\0" in value:
            raise Refused(400, "invalid_parameter", f"{name} holds a NUL character, which no lead has", field=name)


def _wanted(process: Process, mobilenumber: str | None, filters: Mapping[str, str | None]) -> dict[str, str]:
    wanted = {column: value.strip() for column, value in filters.items() if value is not None}
    if mobilenumber is not None:
        wanted["number_key"] = number_key(mobilenumber, process.policy.region)
    return wanted


def _found(what: Any) -> Any:
    if not what:
        raise Refused(404, "lead_not_found", "there is no such lead of yours", field="lead_id")
    return what


def _json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
