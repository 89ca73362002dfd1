"""The ASGI application: the vendor's endpoint, `/v1`, and whether all is well."""

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.web import leads, problems
from leadline.web.vendor import VendorEndpoint

log = structlog.get_logger()

Ready = Callable[[], Awaitable[dict[str, str]]]
"""What is not ready, by name, each with its reason; empty if everything is."""


def application(
    vendor: VendorEndpoint, database: Database, catalogue: Callable[[], Catalogue], ready: Ready
) -> FastAPI:
    """The application on what bootstrap has built."""
    app = FastAPI(
        title="Leadline",
        description="A lead is pushed, and the right phone rings at the right moment, once.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        exception_handlers={
            problems.Refused: problems.answer_refused,
            DatabaseUnavailable: problems.answer_unavailable,
            RequestValidationError: problems.answer_invalid,
            HTTPException: problems.answer_http,
        },
    )

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        missing = await ready()
        if missing:
            return JSONResponse({"status": "not ready", "missing": missing}, 503, headers=problems.RETRY_AFTER)
        return JSONResponse({"status": "ready"})

    app.router.routes += [Route("/healthz", healthz), Route("/readyz", readyz), *vendor.routes()]
    app.include_router(leads.router(database, catalogue))
    return app
