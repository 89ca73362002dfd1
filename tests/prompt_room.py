"""The prompts' room with its stage: a catalogue as rows, leads as intake leaves them, and what became of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec

from builders import NOON, a_lead, a_policy, insert, new_ids
from leadline.domain.flow import Flow, Hangup, Say
from leadline.domain.lead import Lead, LeadState
from leadline.domain.policy import SpeechChoice
from leadline.domain.prompt import Prompt
from leadline.prompts.engines.fake import FakeSpeech
from leadline.prompts.line import LEASE
from leadline.prompts.stage import PromptStage
from leadline.store import catalogue as catalogues
from leadline.store import leads
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database
from leadline.telephony.engine import Pcm


def a_flow(**texts: str) -> Flow:
    """A flow that greets in the languages given, and hangs up."""
    greetings = texts or {"en": "Hello {{ fname }}", "hi": "नमस्ते {{ fname }}"}
    return Flow(name="welcome", start="greet", nodes={"greet": Say(texts=greetings, then="bye"), "bye": Hangup()})


class MovedClock:
    """A clock that a test moves; what sleeps by it is not waited for here."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> Any:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SlowSpeech(FakeSpeech):
    """Speaks when it is let."""

    def __init__(self, name: str = "fake") -> None:
        super().__init__(name)
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    async def speak(self, prompt: Prompt) -> Pcm:
        self.asked.set()
        await self.let.wait()
        return await super().speak(prompt)


class Room:
    """One organisation in a real database, and its leads."""

    def __init__(self, database: Database, dsn: str) -> None:
        self.database, self._dsn = database, dsn
        self.clock = MovedClock()
        self.catalogue = Catalogue()
        self.stage: Any = None

    async def organisation(self, tts_until: date | None = date(2099, 12, 31)) -> None:
        await self.execute(
            """insert into organisation (name, apikey_sha256, timezone, tts_until)
               values ('Acme', $1, 'Asia/Kolkata', $2)
               on conflict (name) do update set tts_until = excluded.tts_until""",
            b"a hash",
            tts_until,
        )
        await self.reread()

    async def process(self, servicekey: str = "Voice", *, flow: Flow | None = None, **policy: Any) -> int:
        """Write a process, or another version of it; returns its id."""
        given = a_policy(**({"servicekey": servicekey, "speech": SpeechChoice(engine="fake")} | policy))
        async with self.database.connection() as connection:
            number: int = await connection.fetchval(
                """insert into process (organisation_id, servicekey, policy, flow)
                   select id, $1, $2, $3 from organisation
                   on conflict (servicekey) do update set policy = excluded.policy, flow = excluded.flow,
                   retired_at = null returning id""",
                servicekey,
                msgspec.to_builtins(given),
                msgspec.to_builtins(flow or a_flow()),
            )
        await self.reread()
        return number

    async def reread(self) -> None:
        async with self.database.connection() as connection:
            self.catalogue = await catalogues.load(connection)

    async def waiting(self, *given: dict[str, Any], **every: Any) -> list[Lead]:
        """Leads that wait for their audio, as a push leaves them."""
        common = {"state": LeadState.AWAITING_PROMPT, "fname": "Asha", "process_id": 1} | every
        async with self.database.transaction() as connection:
            ids = await new_ids(connection, len(given) or 1)
            made = [a_lead(**(common | one | {"id": number})) for number, one in zip(ids, given or ({},), strict=True)]
            await insert(connection, made)
        return made

    async def change(self, lead: Lead, **values: Any) -> Lead:
        """Write a lead anew, as a push that changes it does."""
        changed = replace(await self.lead(lead), updated_at=self.clock.now(), **values)
        async with self.database.transaction() as connection:
            await leads.update(connection, [changed])
        return changed

    @asynccontextmanager
    async def running(self, stage: Any) -> AsyncIterator[None]:
        """The stage at work, woken by the database as bootstrap has it."""
        self.stage = stage
        tasks = [
            asyncio.create_task(stage.run()),
            asyncio.create_task(self.database.listen(lambda *_: stage.wake(), self.clock)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    @asynccontextmanager
    async def speaking(self, *engines: Any) -> AsyncIterator[None]:
        """The prompt stage at work with these engines."""
        for engine in engines:
            await engine.start()
        named = {engine.name: engine for engine in engines}
        async with self.running(PromptStage(self.database, self.clock, named, lambda: self.catalogue)):
            yield

    async def until(self, holds: Any, within: float = 10.0) -> None:
        """Wait until a question about the database is answered with yes."""
        async with asyncio.timeout(within):
            while not await holds():
                await asyncio.sleep(0.01)

    async def becomes(self, lead: Lead, state: LeadState) -> None:
        async def holds() -> bool:
            return (await self.lead(lead)).state is state

        await self.until(holds)

    async def is_due(self, lead: Lead, due: dict[str, Any]) -> None:
        """Wait until exactly this is due of a lead."""

        async def holds() -> bool:
            return await self.due(lead) == due

        await self.until(holds)

    async def is_settled(self, lead: Lead) -> None:
        """Wait until what an engine said has been written: the lead is through, or put off, but not for the lease."""

        async def holds() -> bool:
            due = await self.due(lead)
            return "prompt" not in due or due["prompt"] - self.clock.time not in (timedelta(0), LEASE)

        await self.until(holds)

    async def is_held(self, lead: Lead, rule: str) -> None:
        async def holds() -> bool:
            return (await self.lead(lead)).held_by == rule

        await self.until(holds)

    def pass_time(self, by: timedelta) -> None:
        self.clock.time += by
        self.stage.wake()

    async def lead(self, lead: Lead) -> Lead:
        async with self.database.connection() as connection:
            found = await leads.get(connection, lead.organisation_id, lead.id)
        assert found is not None
        return found

    async def rows(self, query: str, *values: Any) -> list[Any]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *values)]

    async def execute(self, statement: str, *values: Any) -> None:
        async with self.database.connection() as connection:
            await connection.execute(statement, *values)

    async def events(self, lead: Lead) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.rows("select kind, data, seq from event where lead_id = $1 order by seq", lead.id)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert (await self.lead(lead)).events == len(rows)
        return [(row["kind"], row["data"]) for row in rows]

    async def due(self, lead: Lead) -> dict[str, Any]:
        """When what is due of a lead is due, by kind."""
        return {row["kind"]: row["due_at"] for row in await self.rows("select * from due where lead_id = $1", lead.id)}
