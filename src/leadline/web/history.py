"""`/v1/push-log` and `/v1/events`: what was pushed, and everything that happened since, in order."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from leadline.store import feed, push_log
from leadline.store.database import Database
from leadline.store.keys import Scope
from leadline.web.authority import Guard
from leadline.web.parameters import (
    BIGGEST_ID,
    Cursor,
    Limit,
    ServiceKey,
    answer,
    processes_of,
    refuse_unknown_parameters,
)

After = Annotated[
    int,
    Query(ge=0, le=BIGGEST_ID, description="The `next` of the page before, or the `id` of the last event read."),
]
OnlyRejected = Annotated[bool, Query(description="`1`: only pushes of which a record was rejected.")]


def router(database: Database, guard: Guard) -> APIRouter:
    """The routes, on this database, for callers whom the guard admits."""
    routes = APIRouter(prefix="/v1", default_response_class=Response, dependencies=[Depends(refuse_unknown_parameters)])

    @routes.get("/push-log", tags=["Push log"], summary="The organisation's pushes, newest first")
    async def list_pushes(
        request: Request,
        rejected: OnlyRejected = False,
        servicekey: ServiceKey = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        caller = guard.admit(request, Scope.PULL)
        processes = None if servicekey is None else [process.id for process in processes_of(caller, servicekey)]
        query = push_log.Query(processes, rejected, limit, cursor)
        async with database.connection() as connection:
            page = await push_log.page(connection, caller.organisation.id, caller.known.servicekey_by_id, query)
        return answer({"items": page.items, "next": None if page.next is None else str(page.next)})

    @routes.get("/events", tags=["Events"], summary="Everything that happened to the organisation's leads, in order")
    async def read_events(request: Request, after: After = 0, limit: Limit = 100) -> Response:
        caller = guard.admit(request, Scope.PULL)
        async with database.connection() as connection:
            items = await feed.after(connection, caller.organisation.id, after, limit)
        return answer({"items": items, "next": str(items[-1]["id"]) if items else None})

    return routes
