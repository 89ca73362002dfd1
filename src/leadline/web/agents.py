"""`/v1/agents`: where agents are and what is on their desks; and their word for a lead: dial it, or skip it."""

from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from leadline.agents.desk import Desk, NotPossible
from leadline.domain.agent import Presence
from leadline.domain.errors import IllegalMove
from leadline.domain.lead import Lead
from leadline.store.keys import Scope
from leadline.web import reading
from leadline.web.agent_shapes import Wish, Word
from leadline.web.authority import Guard
from leadline.web.body import Bodies
from leadline.web.parameters import LeadId, answer, found, refuse_unknown_parameters
from leadline.web.problems import Refused

Login = Annotated[str, Path(max_length=255, description="The agent's login.", examples=["asha@acme.example"])]
_Shape = TypeVar("_Shape", Wish, Word)


def router(desk: Desk, guard: Guard, bodies: Bodies) -> APIRouter:
    """The routes, on this desk, for callers whom the guard admits."""
    routes = APIRouter(
        prefix="/v1",
        tags=["Agents"],
        default_response_class=Response,
        dependencies=[Depends(refuse_unknown_parameters)],
    )

    async def read(request: Request, shape: type[_Shape]) -> _Shape:
        async def taken(body: bytes) -> _Shape:
            return reading.read(body, shape)

        return await bodies.handed(request.scope, request.receive, taken)

    @routes.get("/agents", summary="The organisation's agents, and where they are")
    async def list_agents(request: Request) -> Response:
        caller = guard.admit(request, Scope.PULL)
        return answer({"items": [asdict(one) for one in await desk.everybody(caller.organisation.id)]})

    @routes.get("/agents/{login}/offers", summary="The leads on an agent's desk")
    async def list_offers(request: Request, login: Login) -> Response:
        caller = guard.admit(request, Scope.PULL)
        offers = _known(await desk.offers(caller.organisation.id, _login(login)), login)
        return answer({"items": [asdict(offer) for offer in offers]})

    @routes.post("/agents/{login}/presence", summary="Make an agent ready, paused or logged out")
    async def set_presence(request: Request, login: Login) -> Response:
        caller = guard.admit(request, Scope.AGENTS)
        wish = await read(request, Wish)
        try:
            agent = await desk.be(caller.organisation.id, _login(login), Presence(wish.presence))
        except IllegalMove as error:
            message = f"{error}: hang up first, or wait until the call is over"
            raise Refused(409, error.code, message, field="presence") from None
        except NotPossible as error:
            raise Refused(409, error.code, str(error), field="presence") from None
        return answer(asdict(_known(agent, login)))

    @routes.post("/leads/{lead_id}/dial", summary="Have a lead dialed for an agent, who is then connected")
    async def dial_lead(request: Request, lead_id: LeadId) -> Response:
        caller = guard.admit(request, Scope.AGENTS)
        login = _login((await read(request, Word)).login)
        try:
            lead = await desk.dial(caller.organisation.id, lead_id, login, caller.known)
        except NotPossible as error:
            raise Refused(409, error.code, str(error), field="login") from None
        return _told(lead)

    @routes.post("/leads/{lead_id}/skip", summary="Have a lead offered to another agent")
    async def skip_lead(request: Request, lead_id: LeadId) -> Response:
        caller = guard.admit(request, Scope.AGENTS)
        login = _login((await read(request, Word)).login)
        try:
            lead = await desk.skip(caller.organisation.id, lead_id, login)
        except NotPossible as error:
            raise Refused(409, error.code, str(error), field="login") from None
        return _told(lead)

    return routes


def _login(written: str) -> str:
    """A login as it is kept; PostgreSQL keeps no NUL, so nobody's has one."""
    return written.strip().lower().replace("\0", "\ufffd")


def _known(what: Any, login: str) -> Any:
    if what is None:
        message = f"there is no user {login[:64]!r} of yours: GET /v1/agents lists them"
        raise Refused(404, "unknown_user", message, field="login")
    return what


def _told(lead: Lead | None) -> Response:
    lead = found(lead)
    return answer({"id": lead.id, "state": lead.state, "due_at": lead.due_at})
