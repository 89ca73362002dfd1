"""A dialer on the test's own database and the fake engine, with leads to call."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from builders import a_catalogue, a_lead, a_policy, a_process, a_trunk, insert, new_ids
from leadline.calling.crash_points import Reached, nothing
from leadline.calling.dialer import Dialer
from leadline.clock import SystemClock
from leadline.domain.flow import Callback, Flow, Gather, Hangup, Say, Transfer
from leadline.domain.lead import Lead, LeadState
from leadline.domain.policy import SpeechChoice, TrunkPolicy
from leadline.domain.prompt import prompts_of
from leadline.store import events, lead_views, leads, prompts
from leadline.store.catalogue import Catalogue, Process
from leadline.store.database import Database
from leadline.store.embedded.server import EmbeddedPostgres
from leadline.store.migrations import migrate
from leadline.store.workers import Standing
from leadline.telephony.embedded.engine import EmbeddedEngine
from leadline.telephony.fake import FakeEngine

BRIEF = timedelta(milliseconds=60)
SPEECH = SpeechChoice("espeak", "en")
ASK = Flow(
    "ask",
    "greet",
    {
        "greet": Say({"en": "Hello {{ fname }}"}, "ask"),
        "ask": Gather({"1": "yes", "2": "later", "3": "agent", "none": "nobody"}, timeout=BRIEF),
        "yes": Hangup("confirmed"),
        "later": Callback(timedelta(hours=2), "promised"),
        "promised": Hangup("later"),
        "agent": Transfer("VoiceProcess", {"no_agent": "nobody", "ended": "yes"}),
        "nobody": Hangup("nobody"),
    },
)
BYE = Flow("bye", "bye", {"bye": Hangup("done")})
TWO_SECONDS = bytes(2 * 2 * 8_000)


def process(flow: Flow = BYE, trunks: tuple[TrunkPolicy, ...] | None = None, **policy: Any) -> Process:
    """A process that calls at any time over `fake` trunks."""
    carried = trunks or (a_trunk(engine="fake", channels=100, cps=1_000),)
    speech = SPEECH if flow.speaks else None
    return a_process(flow=flow, trunks=carried, policy=a_policy(**({"calling_hours": None, "speech": speech} | policy)))


def now() -> datetime:
    return datetime.now(UTC)


class Bench:
    """What a test of calling has at hand."""

    def __init__(self, database: Database, dsn: str, engine: FakeEngine, known: Catalogue) -> None:
        self.database, self.engine, self.catalogue, self.dsn = database, engine, known, dsn
        (self.process,) = known.processes.values()

    async def push(self, **values: Any) -> Lead:
        """A lead that is due, its audio made."""
        async with self.database.transaction() as connection:
            given = {"id": (await new_ids(connection, 1))[0], "due_at": now(), "fname": "Grace"}
            lead = a_lead(**(given | values))
            await insert(connection, [lead])
            if self.process.flow and self.process.policy.speech:
                wanted = prompts_of(self.process.flow, lead, self.process.policy.speech)
                made = {prompt.key: TWO_SECONDS for prompt in wanted.values()}
                await prompts.write(connection, lead.organisation_id, made, now())
        return lead

    @contextlib.asynccontextmanager
    async def dialing(
        self, worker: str = "worker", clock: SystemClock | None = None, reached: Reached = nothing
    ) -> AsyncIterator[Dialer]:
        """A dialer that is at work."""
        standing = Standing(self.dsn, worker, SystemClock())
        dialer = Dialer(
            self.database,
            clock or SystemClock(),
            standing,
            worker,
            {self.engine.name: self.engine},
            lambda: self.catalogue,
            lambda _: None,
            reached=reached,
        )
        tasks = [asyncio.create_task(work()) for work in (standing.run, dialer.run, dialer.health.run)]
        try:
            yield dialer
        finally:
            await dialer.drain(5)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def view(self, lead: Lead) -> Mapping[str, Any]:
        async with self.database.snapshot() as connection:
            return await lead_views.one(connection, 1, {1: "VoiceProcess"}, lead.id)

    async def kinds(self, lead: Lead) -> list[str]:
        async with self.database.connection() as connection:
            return [event["kind"] for event in await events.timeline(connection, 1, lead.id)]

    async def rested(self, lead: Lead, attempts: int = 1) -> Mapping[str, Any]:
        """The lead when so many attempts are over and none is under way."""
        async with asyncio.timeout(20):
            while True:
                seen = await self.view(lead)
                over = [attempt for attempt in seen["attempts"] if attempt["state"] == "ended"]
                if len(over) >= attempts and seen["state"] in (LeadState.SCHEDULED, LeadState.CLOSED):
                    return seen
                await asyncio.sleep(0.005)

    async def make_due(self, lead: Lead, **values: Any) -> None:
        """Let the lead's time have come."""
        async with self.database.transaction() as connection:
            stored = await leads.get(connection, 1, lead.id, lock=True)
            await leads.update(connection, [replace(stored, **({"due_at": now()} | values))])


def bench(database: Database, dsn: str, engine: FakeEngine, calls: Process) -> Bench:
    return Bench(database, dsn, engine, a_catalogue(calls))


async def sip_bench(stack: contextlib.AsyncExitStack, dsn: str, calls: Process) -> Bench:
    """What a worker of its own has at hand: its connections, and its SIP stack."""
    database, engine = Database(dsn), EmbeddedEngine()
    await database.open()
    stack.push_async_callback(database.close)
    await engine.start()
    stack.push_async_callback(engine.stop)
    return bench(database, dsn, engine, calls)


@contextlib.asynccontextmanager
async def own_postgres(folder: Path) -> AsyncIterator[tuple[EmbeddedPostgres, Database]]:
    """A PostgreSQL that a test may kill."""
    async with contextlib.AsyncExitStack() as stack:
        server = EmbeddedPostgres(folder, fast=True)
        await server.start()
        stack.push_async_callback(server.stop)
        await migrate(server.dsn)
        database = Database(server.dsn)
        await database.open()
        stack.push_async_callback(database.close)
        yield server, database
