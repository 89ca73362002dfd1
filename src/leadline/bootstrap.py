"""Leadline put together by hand: the one file that names concrete engines, and the order in which things start."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Final

import structlog

from leadline.agents.offering import OfferStage
from leadline.calling.commands import CommandStage
from leadline.calling.crash_points import Reached, nothing
from leadline.calling.dialer import Dialer
from leadline.calling.expiry import ExpiryStage
from leadline.calling.registrations import Registrations
from leadline.clock import SystemClock
from leadline.configuration.configuration import Configuration
from leadline.configuration.plan import Plan, apply, plan
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError, DatabaseUnavailable, EngineUnavailable
from leadline.domain.upsert import DueKind
from leadline.intake.retention import Retention
from leadline.prompts.engines.espeak import EspeakEngine
from leadline.prompts.stage import PromptStage
from leadline.role import Role
from leadline.serving import Counts, Front, processes_of
from leadline.settings import Settings
from leadline.store.catalogue import CatalogueReader
from leadline.store.configuration import notify
from leadline.store.data_directory import DataDirectory, Running
from leadline.store.database import Database
from leadline.store.embedded.server import EmbeddedPostgres
from leadline.store.following import Woken, follow
from leadline.store.migrations import migrate
from leadline.store.workers import Standing
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Engine
from leadline.telephony.options import probing
from leadline.web.processes import Program, WebProcesses
from leadline.web.server import HttpServer, listen, url_of
from leadline.web.tally import Tally

log = structlog.get_logger()

AGAIN: Final = 2.0
"""Seconds between two tries of what could not be started yet."""


@dataclass(frozen=True, slots=True)
class Options:
    """How `leadline up` was called."""

    configuration: Path
    data: Path
    http: tuple[str, int]
    drain: float
    role: Role = Role.ALL


class Leadline:
    """One process of Leadline."""

    def __init__(
        self, options: Options, settings: Settings, environment: Mapping[str, str], reached: Reached = nothing
    ) -> None:
        self._options, self._settings, self._environment = options, settings, environment
        self._clock = SystemClock()
        self._reached = reached
        self._configuration = Configuration()
        self._engines: dict[str, Engine] = {}
        self._draining = False
        self._dialer: Dialer | None = None
        self._database: Database | None = None
        self._http: HttpServer | WebProcesses
        self._counts = Counts.create()

    async def run(self, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Everything, from the first look at the configuration until `stop` is set; `ready` is told the URL once.

        Raises ConfigurationError, DataDirectoryInUse or DatabaseUnavailable for what cannot mend itself.
        """
        self._configuration = read(self._options.configuration, self._environment)
        async with AsyncExitStack() as stack:
            url = self._listen(stack)
            dsn = await self._dsn(stack, url)
            await self._prepare(dsn)
            database = Database(dsn, connections=self._settings.database_connections)
            await database.open()
            stack.push_async_callback(database.close)
            catalogue = CatalogueReader(database)
            await catalogue.refresh()
            await self._start_stages(stack, dsn, database, catalogue)
            await self._serve(dsn, database, catalogue)
            await self._until_ready(stop)
            if not stop.is_set():
                ready(url)
            await stop.wait()
            self._draining = True
            if self._dialer is not None:
                await self._dialer.drain(self._options.drain)
            await self._http.stop()  # what is asked of it now is still answered: the database is there

    # The database

    async def _dsn(self, stack: AsyncExitStack, url: str) -> str:
        """Where PostgreSQL is: the operator's, or our own under the data directory."""
        if self._settings.database_url is not None:
            return self._settings.database_url
        directory = stack.enter_context(DataDirectory.open(self._options.data))
        server = EmbeddedPostgres(directory.path, binaries=self._settings.pg_bin)
        stack.push_async_callback(server.stop)
        await server.start()
        directory.write_running(Running(os.getpid(), server.dsn, url))
        return server.dsn

    async def _prepare(self, dsn: str) -> None:
        """Bring schema and configuration up to date; waits for a database that is not there yet."""
        await self._eventually("the database", lambda: migrate(dsn), DatabaseUnavailable)
        await apply_configuration(dsn, self._configuration)

    # The stages

    async def _start_stages(
        self, stack: AsyncExitStack, dsn: str, database: Database, catalogue: CatalogueReader
    ) -> None:
        woken: Woken = {}
        if self._options.role is not Role.WEB:
            woken = await self._start_worker(stack, dsn, database, catalogue)

        async def reread() -> None:
            self._reread_secrets()
            await catalogue.refresh()

        retention = Retention(database, self._clock, self._settings.push_log_days)
        self._keep(stack, "retention", retention.run)
        self._keep(stack, "notifications", lambda: follow(database, self._clock, woken, reread))

    async def _start_worker(
        self, stack: AsyncExitStack, dsn: str, database: Database, catalogue: CatalogueReader
    ) -> Woken:
        sip = self._configuration.sip
        engine = EmbeddedEngine(
            EmbeddedSettings(
                host=sip.listen[0],
                port=sip.listen[1],
                external_address=sip.external_address,
                rtp_ports=sip.rtp_ports,
                workers=self._settings.sip_workers,
                pace_per_worker=self._settings.sip_pace,
            )
        )
        stack.push_async_callback(engine.stop)
        self._engines = {engine.name: engine}
        speech = EspeakEngine()
        await speech.start()
        stack.push_async_callback(speech.stop)
        worker = f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
        standing = Standing(dsn, worker, self._clock)
        counted, reached = Tally(self._counts.tally).ended, self._reached
        dialer = Dialer(
            database,
            self._clock,
            standing,
            worker,
            self._engines,
            catalogue,
            self._password,
            counted,
            reached,
            probing(sip.listen[0]),
        )
        registrations = Registrations(self._clock, catalogue, engine, self._password, dialer.health.registered)
        prompts = PromptStage(database, self._clock, {speech.name: speech}, catalogue)
        expiry = ExpiryStage(database, self._clock, catalogue)
        offering = OfferStage(database, self._clock, catalogue)
        commands = CommandStage(database, worker, dialer.hang_up)
        self._dialer = dialer

        async def start_engine() -> None:
            await self._eventually("telephony", engine.start, EngineUnavailable)
            dialer.wake()

        stack.push_async_callback(_ended, asyncio.create_task(start_engine(), name="telephony"))
        self._keep(stack, "worker's lock", standing.run)
        self._keep(stack, "dialer", dialer.run)
        self._keep(stack, "trunks", dialer.health.run)
        self._keep(stack, "registrations", registrations.run)
        self._keep(stack, "commands", commands.run)
        self._keep(stack, "offers", offering.run)
        self._keep(stack, "prompts", prompts.run)
        self._keep(stack, "expiry", expiry.run)
        stages = [dialer.wake, offering.wake, prompts.wake, expiry.wake]
        return {
            DueKind.CALL: [dialer.wake, offering.called],
            DueKind.AGREED: [dialer.wake],
            DueKind.OFFER: [offering.wake],
            DueKind.PROMPT: [prompts.wake],
            DueKind.EXPIRY: [expiry.wake],
            "due": stages,
            "configuration": stages,
            "command": [commands.wake],
            "trunk": [dialer.health.wake],
        }

    def _password(self, name: str) -> str | None:
        return next((trunk.password for trunk in self._configuration.trunks if trunk.policy.name == name), None)

    def _reread_secrets(self) -> None:
        """Passwords are in no database: a changed one is found in our own file, or the old one stays."""
        try:
            self._configuration = read(self._options.configuration, self._environment)
        except ConfigurationError as error:
            log.warning("the configuration file has faults: passwords of trunks stay as they were", reason=str(error))

    def _keep(self, stack: AsyncExitStack, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Have a stage run until Leadline stops; one that fails says so and begins again."""

        async def kept() -> None:
            while not self._draining:
                try:
                    await run()
                except DatabaseUnavailable as error:
                    log.warning("waiting for the database", stage=name, reason=str(error))
                except Exception:
                    log.exception("a stage failed and begins again", stage=name)
                await self._clock.sleep(1)

        stack.push_async_callback(_ended, asyncio.create_task(kept(), name=name))

    # HTTP

    def _listen(self, stack: AsyncExitStack) -> str:
        """Take the address and return its URL; processes that will serve it load while the database starts."""
        host, port = self._options.http
        number = 1 if self._options.role is Role.WORKER else processes_of(self._settings)
        listening = listen(host, port, number)
        if number == 1:
            self._http = HttpServer(listening[0], self._settings.trusted_proxies)
        else:
            program = Program("leadline.cli.web_process", self._counts.descriptors, self._environment)
            self._http = WebProcesses(program, listening, self._missing, self._clock)
        stack.push_async_callback(self._http.stop)
        return url_of(host, listening[0])

    async def _serve(self, dsn: str, database: Database, catalogue: CatalogueReader) -> None:
        self._database = database
        if isinstance(self._http, WebProcesses):
            await self._http.serve(dsn)
        else:
            front = Front(database, catalogue, self._settings, self._counts, self._clock)
            await self._http.start(front.application(self._missing))

    async def _missing(self) -> dict[str, str]:
        """What keeps Leadline from its work, by name."""
        missing = {}
        if self._draining:
            missing["leadline"] = "it is stopping"
        if self._database is None or not await self._database.answers():
            missing["database"] = "PostgreSQL does not answer"
        missing |= {
            f"telephony {name}": "the engine is down" for name, engine in self._engines.items() if not engine.available
        }
        return missing

    async def _until_ready(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and await self._missing():
            await self._clock.sleep(0.02)

    async def _eventually(self, what: str, start: Callable[[], Awaitable[None]], unavailable: type[Exception]) -> None:
        """Start something, again and again until its cause of failure is gone; said once per cause."""
        said = ""
        while True:
            try:
                await start()
            except unavailable as error:
                if str(error) != said:
                    log.error("cannot start yet, trying again", what=what, reason=str(error))  # noqa: TRY400
                said = str(error)
                await self._clock.sleep(AGAIN)
            else:
                return


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def apply_configuration(dsn: str, configuration: Configuration) -> Plan:
    """Make the database agree with a configuration, and return what that took."""
    database = Database(dsn, connections=1)
    await database.open()
    try:
        async with database.transaction() as connection:
            made = await plan(connection, configuration)
            await apply(connection, made, SystemClock())
            if not made and any(trunk.policy.secured for trunk in configuration.trunks):
                await notify(connection)  # passwords are compared nowhere: whoever runs reads its own file again
        return made
    finally:
        await database.close()


def find_database(settings: Settings, data: Path) -> str:
    """The DSN of the Leadline that runs here; raises ConfigurationError if there is none."""
    if settings.database_url is not None:
        return settings.database_url
    running = DataDirectory.read_running(data)
    if running is None:
        raise ConfigurationError(
            f"no Leadline is running on {data}: start it with `leadline up --data {data}`, "
            "name its data directory with --data, or set LEADLINE_DATABASE_URL"
        )
    return running.dsn
