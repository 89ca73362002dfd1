"""`/v1/do-not-call`: numbers that are not to be called, by the organisation or by one of its processes."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from leadline.clock import Clock
from leadline.domain.do_not_call import Listing, Origin
from leadline.domain.moment import parse_moment
from leadline.domain.phone import LONGEST, number_key
from leadline.intake.do_not_call import NoNumber, Place, place_of
from leadline.store import do_not_call as lists
from leadline.store.database import Database
from leadline.store.keys import Scope
from leadline.store.listing import put
from leadline.web import reading
from leadline.web.authority import Caller, Guard
from leadline.web.body import Bodies
from leadline.web.do_not_call_shapes import DoNotCall
from leadline.web.parameters import TEXT, Cursor, Limit, ServiceKey, answer, processes_of, refuse_unknown_parameters
from leadline.web.problems import Refused

PATH: Final = "/do-not-call"
Number = Annotated[
    str | None, Query(max_length=LONGEST, pattern=TEXT, description="Only this number, however it is written.")
]
OneNumber = Annotated[str, Query(max_length=LONGEST, pattern=TEXT, description="The number, however it is written.")]
WhoseList = Annotated[
    str | None,
    Query(description="Off this process's list; left out, off the organisation's.", examples=["VoiceProcess"]),
]


def router(database: Database, guard: Guard, bodies: Bodies, clock: Clock) -> APIRouter:
    """The routes, on this database, for callers whom the guard admits."""
    routes = APIRouter(
        prefix="/v1",
        tags=["Do not call"],
        default_response_class=Response,
        dependencies=[Depends(refuse_unknown_parameters)],
    )

    @routes.get(PATH, summary="The numbers on the organisation's do-not-call lists, newest first")
    async def list_do_not_call(
        request: Request,
        servicekey: ServiceKey = None,
        number: Number = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        caller = guard.admit(request, Scope.PULL)
        place = _place(caller, servicekey)
        wanted = None if number is None else number_key(number, place.region)
        query = lists.Query(limit, cursor, place.process_id, wanted)
        async with database.connection() as connection:
            page = await lists.page(connection, place.organisation_id, caller.known.servicekey_by_id, query)
        return answer({"items": page.items, "next": None if page.next is None else str(page.next)})

    @routes.post(PATH, summary="Put numbers on a do-not-call list")
    async def add_do_not_call(request: Request) -> Response:
        caller = guard.admit(request, Scope.CONTROL)

        async def taken(body: bytes) -> dict[str, object]:
            added, now = reading.read(body, DoNotCall), clock.now()
            place = _place(caller, added.servicekey)
            listings, rejected = _listings(place, added, _expiry(added, caller, now))
            if not listings:
                message = "no number was put on the list: mend what errors names"
                raise Refused(422, "no_number_accepted", message, field="numbers", errors=rejected)
            async with database.transaction() as connection:
                await put(connection, place.organisation_id, listings, Origin.API, now)
            return {"listed": len({listing.number for listing in listings}), "rejected": rejected}

        return answer(await bodies.handed(request.scope, request.receive, taken))

    @routes.delete(PATH, summary="Take a number off a do-not-call list")
    async def remove_do_not_call(request: Request, number: OneNumber, servicekey: WhoseList = None) -> Response:
        caller = guard.admit(request, Scope.CONTROL)
        place = _place(caller, servicekey)
        wanted = number_key(number, place.region)
        async with database.transaction() as connection:
            stays = await lists.remove(connection, place.organisation_id, place.process_id, [wanted])
        if stays:
            message = f"{wanted} is listed by the configuration file: take it out of do_not_call there, and apply it"
            raise Refused(422, "listed_by_file", message, field="number")
        return answer({"number": wanted})

    return routes


def _place(caller: Caller, servicekey: str | None) -> Place:
    process = None if servicekey is None else processes_of(caller, servicekey)[0]
    return place_of(caller.known, caller.organisation.id, process)


def _listings(
    place: Place, added: DoNotCall, expires_at: datetime | None
) -> tuple[list[Listing], list[dict[str, object]]]:
    """The numbers that are some, and why the others are none."""
    listings, rejected = [], []
    for index, written in enumerate(added.numbers):
        try:
            listings.append(place.listing(written, expires_at, added.reason))
        except NoNumber as none:
            rejected.append({"index": index, "code": none.code, "field": "numbers", "message": str(none)})
    return listings, rejected


def _expiry(added: DoNotCall, caller: Caller, now: datetime) -> datetime | None:
    if added.expires is None:
        return None
    moment = parse_moment(added.expires, caller.organisation.timezone)
    if moment is None or moment <= now:
        why = "cannot be read" if moment is None else "is past, so that it would have no effect"
        message = f"expires {why}: write YYYY-MM-DD hh:mm:ss to come, or ISO 8601 with an offset"
        raise Refused(422, "invalid_field", message, field="expires")
    return moment
