"""`/v1/leads`: what became of each customer, read back by the CRM that pushed them, and why a phone is not ringing."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from leadline.domain.lead import LeadState
from leadline.domain.phone import number_key
from leadline.domain.vendor import UpdateParameter
from leadline.intake.explain import Explainer
from leadline.store import events, lead_views
from leadline.store.catalogue import Process
from leadline.store.database import Database
from leadline.store.keys import Scope
from leadline.web.authority import Guard
from leadline.web.parameters import (
    TEXT,
    Cursor,
    LeadId,
    Limit,
    ServiceKey,
    answer,
    found,
    processes_of,
    refuse_unknown_parameters,
)
from leadline.web.problems import Refused

Number = Annotated[str | None, Query(description="Only of this customer: the number, however it is written.")]
CustomerCode = Annotated[str | None, Query(pattern=TEXT, description="Only of this customer: the `customercode`.")]
CrmKey = Annotated[str | None, Query(pattern=TEXT, description="Only of this customer: the CRM's own key.")]
State = Annotated[LeadState | None, Query(description="Only leads in this state.")]


def router(database: Database, explainer: Explainer, guard: Guard) -> APIRouter:
    """The routes, on this database, for callers whom the guard admits."""
    routes = APIRouter(
        prefix="/v1",
        tags=["Leads"],
        default_response_class=Response,
        dependencies=[Depends(refuse_unknown_parameters)],
    )

    @routes.get("/leads", summary="The organisation's leads, newest first")
    async def list_leads(
        request: Request,
        servicekey: ServiceKey = None,
        mobilenumber: Number = None,
        customercode: CustomerCode = None,
        crmuniquefield: CrmKey = None,
        state: State = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        caller = guard.admit(request, Scope.PULL)
        _refuse_unstorable(customercode=customercode, crmuniquefield=crmuniquefield)
        filters = {"customercode": customercode, "crm_key": crmuniquefield, "state": state}
        wanted = {process.id: _wanted(process, mobilenumber, filters) for process in processes_of(caller, servicekey)}
        async with database.snapshot() as connection:
            query = lead_views.Query(wanted, limit, cursor)
            page = await lead_views.page(connection, caller.organisation.id, caller.known.servicekey_by_id, query)
        return answer({"items": page.items, "next": None if page.next is None else str(page.next)})

    @routes.get("/leads/{lead_id:plain}", summary="One lead, with its attempts")
    async def read_lead(request: Request, lead_id: LeadId) -> Response:
        caller = guard.admit(request, Scope.PULL)
        async with database.snapshot() as connection:
            servicekeys = caller.known.servicekey_by_id
            return answer(found(await lead_views.one(connection, caller.organisation.id, servicekeys, lead_id)))

    @routes.get("/leads/{lead_id}/timeline", summary="Everything that happened to a lead, in order")
    async def read_timeline(request: Request, lead_id: LeadId) -> Response:
        caller = guard.admit(request, Scope.PULL)
        async with database.snapshot() as connection:
            items = await events.timeline(connection, caller.organisation.id, lead_id)
        # A lead without events does not exist: its insertion writes the first.
        return answer({"items": found(items)})

    @routes.get("/leads/{lead_id}/explain", summary="Why a lead is ringing now, or why not, and when it will")
    async def explain_lead(request: Request, lead_id: LeadId) -> Response:
        caller = guard.admit(request, Scope.PULL)
        return answer(found(await explainer.explain_lead(caller.organisation, caller.known, lead_id)))

    return routes


def _refuse_unstorable(**values: str | None) -> None:
    """PostgreSQL keeps no NUL in a text, so no lead has one."""
    for name, value in values.items():
        if value is not None and "\0" in value:
            raise Refused(400, "invalid_parameter", f"{name} holds a NUL character, which no lead has", field=name)


def _wanted(process: Process, mobilenumber: str | None, filters: Mapping[str, str | None]) -> dict[str, str]:
    policy = process.policy
    wanted = {column: value.strip() for column, value in filters.items() if value is not None}
    if "crm_key" in wanted and policy.crm_unique_field.strip().lower() == UpdateParameter.MOBILENUMBER:
        wanted["crm_key"] = number_key(wanted["crm_key"], policy.region)
    if mobilenumber is not None:
        wanted["number_key"] = number_key(mobilenumber, policy.region)
    return wanted
