"""The whole HTTP application on a test's own database, with a client that has a key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from builders import APIKEY, SERVICEKEY, FixedClock, a_catalogue
from leadline.agents.desk import Desk
from leadline.calling.control import Control
from leadline.clock import Clock
from leadline.intake.command import Intake
from leadline.intake.explain import Explainer
from leadline.intake.request import Limits
from leadline.intake.rest import RestIntake
from leadline.intake.siblings import Siblings
from leadline.intake.vendor import VendorIntake
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.web import agents, control, do_not_call, metrics
from leadline.web.application import application
from leadline.web.authority import Guard
from leadline.web.body import Bodies
from leadline.web.limits import RateLimit, UnknownKeys
from leadline.web.push import PushEndpoints
from leadline.web.tally import Tally
from leadline.web.vendor import VendorEndpoint

MAX_BODY = 50_000
AS_ACME = {"Authorization": f"Bearer {APIKEY}"}


def an_application(
    database: Database,
    known: Catalogue | None = None,
    *,
    clock: Clock | None = None,
    rate: int = 0,
    missing: dict[str, str] | None = None,
    max_body: int = MAX_BODY,
    bodies: Bodies | None = None,
):
    catalogue, clock = known or a_catalogue(), clock or FixedClock()
    tally = Tally.create()
    limits, intake, explainer = Limits(), Intake(database, clock, tally.pushed), Explainer(database, clock)
    bodies = bodies or Bodies(max_body, 10 * max_body, 60)
    guard = Guard(lambda: catalogue, UnknownKeys(clock), RateLimit(clock, rate))

    async def ready() -> dict[str, str]:
        return missing or {}

    return application(
        VendorEndpoint(
            VendorIntake(intake, explainer, Siblings(database, clock, limits), clock, limits),
            lambda: catalogue,
            bodies,
            guard,
        ),
        PushEndpoints(RestIntake(intake, explainer, clock, limits), guard, bodies),
        explainer,
        database,
        guard,
        ready,
        [
            agents.router(Desk(database, clock), guard, bodies),
            control.router(database, Control(database, clock), guard, bodies, clock),
            do_not_call.router(database, guard, bodies, clock),
            metrics.router(database, lambda: catalogue, tally, clock, numbered=False),
        ],
    )


@asynccontextmanager
async def client_of(
    app: Any, headers: dict[str, str] = AS_ACME, address: str = "192.0.2.1"
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 5000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://leadline", headers=headers) as client:
        yield client


def a_rest_push(*records: Any, **fields: Any) -> dict[str, Any]:
    """The body of a push of `/v1`; a field given as `...` is left out."""
    body = {"servicekey": SERVICEKEY, "media": 12, "updateparam": "mobilenumber", "records": list(records)}
    return {name: value for name, value in (body | fields).items() if value is not ...}
