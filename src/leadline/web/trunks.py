"""`/v1/trunks`: the ways out of the caller's processes: how much of each is in use, and whether it is well."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from leadline.domain.breaker import Health
from leadline.domain.policy import TrunkPolicy
from leadline.store import trunks
from leadline.store.database import Database
from leadline.store.keys import Scope
from leadline.store.trunks import Found
from leadline.web.authority import Caller, Guard
from leadline.web.parameters import answer, refuse_unknown_parameters

_WORST: Final = (Health.UP, Health.TRIAL, Health.DOWN)


def router(database: Database, guard: Guard) -> APIRouter:
    """The route, on this database, for callers whom the guard admits."""
    routes = APIRouter(prefix="/v1", default_response_class=Response, dependencies=[Depends(refuse_unknown_parameters)])

    @routes.get("/trunks", tags=["Trunks"], summary="The trunks of the organisation's processes, and how each stands")
    async def list_trunks(request: Request) -> Response:
        caller = guard.admit(request, Scope.PULL)
        async with database.snapshot() as connection:
            in_use, health = await trunks.in_use(connection), await trunks.health(connection)
        return answer(
            {
                "items": [
                    _shown(trunk, in_use.get(trunk.name, (0, 0)), health.get(trunk.name, ())) for trunk in _of(caller)
                ]
            }
        )

    return routes


def _of(caller: Caller) -> Sequence[TrunkPolicy]:
    own = {
        trunk.name
        for process in caller.known.processes.values()
        if process.organisation_id == caller.organisation.id
        for trunk in process.trunks
    }
    return [trunk for name, trunk in caller.known.trunks.items() if name in own]


def _shown(trunk: TrunkPolicy, used: tuple[int, int], found: Sequence[Found]) -> Mapping[str, Any]:
    """A trunk as the worker finds it that finds it worst."""
    worst = max(found, key=lambda one: _WORST.index(Health(one.state)), default=None)
    state: str = worst.state if worst else Health.UP
    since: datetime | None = worst.since if worst else None
    return {
        "name": trunk.name,
        "channels": trunk.channels,
        "channels_in_use": used[0],
        "cps": trunk.cps,
        "sent_last_second": used[1],
        "state": state,
        "reason": (worst.reason or None) if worst else None,
        "since": since,
        "tried_at": worst.tried_at if worst else None,
    }
