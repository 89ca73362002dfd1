"""The ASGI application: the vendor's endpoint, `/v1`, its description, and whether all is well."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from leadline.domain.errors import DatabaseUnavailable, Overloaded
from leadline.intake.explain import Explainer
from leadline.store.database import Database
from leadline.web import docs, history, leads, problems, trunks
from leadline.web.authority import Guard
from leadline.web.push import PushEndpoints
from leadline.web.request_id import RequestIds
from leadline.web.shortcut import Handlers, Shortcut
from leadline.web.vendor import VendorEndpoint

log = structlog.get_logger()

Ready = Callable[[], Awaitable[dict[str, str]]]
"""What is not ready, by name, each with its reason; empty if everything is."""


def application(
    vendor: VendorEndpoint,
    push: PushEndpoints,
    explainer: Explainer,
    database: Database,
    guard: Guard,
    ready: Ready,
    further: Sequence[APIRouter] = (),
) -> ASGIApp:
    """The application on what bootstrap has built; `further` are the addresses of other rooms."""
    handlers: Handlers = {
        problems.Refused: problems.answer_refused,
        DatabaseUnavailable: problems.answer_unavailable,
        Overloaded: problems.answer_unavailable,
        RequestValidationError: problems.answer_invalid,
        HTTPException: problems.answer_http,
        Exception: problems.answer_crashed,
    }
    app = FastAPI(
        openapi_url=None,  # web/docs.py has its own
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        exception_handlers=handlers,
    )

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        missing = await ready()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503, headers=problems.RETRY_AFTER)
        return JSONResponse({"status": "ready"})

    endpoints = [*vendor.endpoints(), *push.endpoints()]
    app.router.routes += [Route("/healthz", healthz), Route("/readyz", readyz)]
    app.router.routes += [endpoint.route for endpoint in endpoints]
    own = (leads.router(database, explainer, guard), history.router(database, guard), trunks.router(database, guard))
    routers = (*own, *further)
    for router in routers:
        app.include_router(router)
    app.router.routes += docs.routes([route for router in routers for route in router.routes])
    return RequestIds(Shortcut(app, endpoints, handlers))
