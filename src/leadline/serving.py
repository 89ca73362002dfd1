"""HTTP put together by hand: the application on its parts, in Leadline's own process or in one of several beside it."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from starlette.types import ASGIApp

from leadline.agents.desk import Desk
from leadline.calling.control import Control
from leadline.clock import Clock, SystemClock
from leadline.intake.command import Intake
from leadline.intake.explain import Explainer
from leadline.intake.request import Limits
from leadline.intake.rest import RestIntake
from leadline.intake.siblings import Siblings
from leadline.intake.vendor import VendorIntake
from leadline.settings import Settings
from leadline.store.catalogue import CatalogueReader
from leadline.store.database import Database
from leadline.store.following import follow
from leadline.web import agents, control, do_not_call, metrics
from leadline.web.application import application
from leadline.web.authority import Guard
from leadline.web.body import Bodies
from leadline.web.limits import ADDRESSES, KEYS, RateLimit, UnknownKeys
from leadline.web.processes import Missing, Parent
from leadline.web.push import PushEndpoints
from leadline.web.server import HttpServer
from leadline.web.shared_table import SharedTable
from leadline.web.tally import Tally
from leadline.web.vendor import VendorEndpoint

MOST_PROCESSES = 4
"""That are begun without being asked for."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What all web processes count together."""

    unknown_keys: SharedTable
    requests: SharedTable
    tally: SharedTable

    @classmethod
    def create(cls) -> Self:
        return cls(
            SharedTable.create(ADDRESSES, UnknownKeys.WIDTH),
            SharedTable.create(KEYS, RateLimit.WIDTH),
            SharedTable.create(1, Tally.WIDTH),
        )

    @classmethod
    def at(cls, unknown_keys: int, requests: int, tally: int) -> Self:
        """Those of the parent, by their file descriptors."""
        return cls(
            SharedTable(unknown_keys, UnknownKeys.WIDTH),
            SharedTable(requests, RateLimit.WIDTH),
            SharedTable(tally, Tally.WIDTH),
        )

    @property
    def descriptors(self) -> tuple[int, int, int]:
        return self.unknown_keys.descriptor, self.requests.descriptor, self.tally.descriptor


@dataclass(frozen=True, slots=True)
class Front:
    """What HTTP is served from."""

    database: Database
    catalogue: CatalogueReader
    settings: Settings
    counts: Counts
    clock: Clock

    def application(self, missing: Missing, processes: int = 1) -> ASGIApp:
        """The application of one of so many processes, which share the bytes that may be in flight."""
        settings, clock, database = self.settings, self.clock, self.database
        limits = Limits(settings.max_records, settings.hide_foreign_service_keys)
        tally = Tally(self.counts.tally)
        intake = Intake(database, clock, tally.pushed)
        explainer, siblings = Explainer(database, clock), Siblings(database, clock, limits)
        unknown = UnknownKeys(clock, self.counts.unknown_keys)
        guard = Guard(self.catalogue, unknown, RateLimit(clock, settings.rate_limit, self.counts.requests))
        bodies = Bodies(settings.max_body, settings.max_in_flight // processes, settings.body_timeout)
        documents = VendorIntake(intake, explainer, siblings, clock, limits)
        vendor = VendorEndpoint(documents, self.catalogue, bodies, guard)
        push = PushEndpoints(RestIntake(intake, explainer, clock, limits), guard, bodies)
        further = [
            agents.router(Desk(database, clock), guard, bodies),
            control.router(database, Control(database, clock), guard, bodies, clock),
            do_not_call.router(database, guard, bodies, clock),
            metrics.router(database, self.catalogue, tally, clock, numbered=settings.hide_foreign_service_keys),
        ]
        return application(vendor, push, explainer, database, guard, missing, further)


async def serve(descriptors: Sequence[int], settings: Settings, ready: Callable[[], None]) -> None:
    """One web process of several, until its parent wants it no more; raises DatabaseUnavailable at its start.

    `descriptors`: of the link to the parent, the listening socket, and the counts.
    """
    link, listening, *counts = descriptors
    parent = await Parent.at(link)
    server = HttpServer(socket.socket(fileno=listening), settings.trusted_proxies)
    dsn = await parent.dsn()
    if dsn is None:
        return
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        database = Database(dsn, connections=settings.database_connections)
        await database.open()
        stack.push_async_callback(database.close)
        catalogue = CatalogueReader(database)
        await catalogue.refresh()
        following = asyncio.create_task(follow(database, clock, {}, catalogue.refresh), name="configuration")
        stack.callback(following.cancel)
        front = Front(database, catalogue, settings, Counts.at(*counts), clock)
        stack.push_async_callback(server.stop)
        await server.start(front.application(parent.missing, processes_of(settings)))
        ready()
        parent.say_serving()
        await parent.gone()


def processes_of(settings: Settings) -> int:
    """How many processes serve HTTP."""
    return settings.web_processes or min(MOST_PROCESSES, len(os.sched_getaffinity(0)))
