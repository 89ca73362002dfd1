"""`/v1/processes`, paused, resumed and stopped, and leads cancelled, closed, called at another time."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from leadline.calling import pacing
from leadline.calling.control import Control
from leadline.clock import Clock
from leadline.domain.moment import parse_moment
from leadline.store.bulk import Choice
from leadline.store.control import Order, flags
from leadline.store.database import Database
from leadline.store.keys import Scope
from leadline.store.standings import standings
from leadline.web import reading
from leadline.web.authority import Caller, Guard
from leadline.web.body import Bodies
from leadline.web.control_shapes import BulkAnswer, Close, Meant, Reschedule
from leadline.web.parameters import LeadId, answer, found, processes_of, refuse_unknown_parameters
from leadline.web.problems import Refused

_Shape = TypeVar("_Shape", bound=Meant)


def router(database: Database, control: Control, guard: Guard, bodies: Bodies, clock: Clock) -> APIRouter:
    """The routes, on this database, for callers whom the guard admits."""
    routes = APIRouter(
        prefix="/v1",
        tags=["Control"],
        default_response_class=Response,
        dependencies=[Depends(refuse_unknown_parameters)],
    )

    @routes.get("/processes", summary="The organisation's processes: what waits, what is held, what is on the phone")
    async def list_processes(request: Request) -> Response:
        caller = guard.admit(request, Scope.PULL)
        mine = [one for one in caller.known.processes.values() if one.organisation_id == caller.organisation.id]
        async with database.snapshot() as connection:
            now = clock.now()
            stand = await standings(connection, [process.id for process in mine], now)
            paced = await pacing.standings(connection, mine, now)
        shown = [
            {"servicekey": one.servicekey, **asdict(stand[one.id]), "pacing": paced.get(one.id)}
            for one in mine
            if one.id in stand
        ]
        return answer({"items": sorted(shown, key=lambda item: str(item["servicekey"]))})

    async def ordered(request: Request, servicekey: str, order: Order) -> Response:
        caller = guard.admit(request, Scope.CONTROL)
        (process,) = processes_of(caller, servicekey)
        hanging_up = await control.order(process, order)
        async with database.connection() as connection:
            paused, stopped = (await flags(connection, [process.id]))[process.id]
        standing = {"paused": paused, "stopped": stopped}
        return answer({"servicekey": process.servicekey, **standing, "hanging_up": hanging_up})

    @routes.post("/processes/{servicekey}:pause", summary="Begin no calls; those that are up go on")
    async def pause_process(request: Request, servicekey: str) -> Response:
        return await ordered(request, servicekey, Order.PAUSE)

    @routes.post("/processes/{servicekey}:resume", summary="Begin calls again")
    async def resume_process(request: Request, servicekey: str) -> Response:
        return await ordered(request, servicekey, Order.RESUME)

    @routes.post("/processes/{servicekey}:stop", summary="Begin no calls, and hang up those that are up")
    async def stop_process(request: Request, servicekey: str) -> Response:
        return await ordered(request, servicekey, Order.STOP)

    @routes.post("/leads/{lead_id}:cancel", summary="Close a lead; one on the phone is hung up")
    async def cancel_lead(request: Request, lead_id: LeadId) -> Response:
        caller = guard.admit(request, Scope.CONTROL)
        return answer({"id": lead_id, "result": found(await control.cancel(caller.organisation.id, lead_id))})

    async def changed(
        request: Request, shape: type[_Shape], due_of: Callable[[_Shape, Caller], datetime | None]
    ) -> Response:
        caller = guard.admit(request, Scope.CONTROL)

        async def taken(body: bytes) -> BulkAnswer:
            meant = _read(body, shape)
            return await _change(control, _choice(meant, caller), due_of(meant, caller), dry_run=meant.dry_run)

        return answer(await bodies.handed(request.scope, request.receive, taken))

    @routes.post("/leads:reschedule", summary="Have many leads called at another time")
    async def reschedule_leads(request: Request) -> Response:
        def due_of(meant: Reschedule, caller: Caller) -> datetime:
            asked = _moment(meant.calldatetime, "calldatetime", caller)
            now = clock.now()
            return now if asked is None else max(asked, now)

        return await changed(request, Reschedule, due_of)

    @routes.post("/leads:close", summary="Close many leads as cancelled")
    async def close_leads(request: Request) -> Response:
        return await changed(request, Close, lambda _meant, _caller: None)

    return routes


async def _change(control: Control, choice: Choice, due_at: datetime | None, *, dry_run: bool) -> BulkAnswer:
    if dry_run:
        count, left = await control.count(choice, due_at), 0
        changed = count.changing
    else:
        done = await control.change(choice, due_at)
        count, changed, left = done.count, done.changed, done.left
    idle = max(0, count.matching - count.changing - count.on_the_phone - count.closed)
    return BulkAnswer(dry_run, count.matching, changed, idle, count.on_the_phone, count.closed, left)


def _read(body: bytes, shape: type[_Shape]) -> _Shape:
    """A body; raises Refused with 400 or 422."""
    meant = reading.read(body, shape)
    if meant.servicekey is None and meant.ids is None:
        message = "give servicekey or ids: without either, every lead of the organisation would be meant"
        raise Refused(422, "filter_missing", message, field="servicekey")
    return meant


def _choice(meant: Meant, caller: Caller) -> Choice:
    return Choice(
        organisation_id=caller.organisation.id,
        processes=[process.id for process in processes_of(caller, meant.servicekey)],
        state=meant.state,
        calltype=None if meant.calltype is None else int(meant.calltype),
        ids=meant.ids,
        created_after=_moment(meant.created_after, "created_after", caller),
        created_before=_moment(meant.created_before, "created_before", caller),
    )


def _moment(written: str | None, field: str, caller: Caller) -> datetime | None:
    if written is None:
        return None
    moment = parse_moment(written, caller.organisation.timezone)
    if moment is None:
        message = f"{field} cannot be read: write YYYY-MM-DD hh:mm:ss, or ISO 8601 with an offset"
        raise Refused(422, "invalid_field", message, field=field)
    return moment
