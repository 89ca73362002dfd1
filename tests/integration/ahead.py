"""A predictive process on a test's own database, with what it has measured so far."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

from builders import a_trunk
from integration.dialing import SPEECH, Bench, bench, process
from leadline.calling import pacing as live
from leadline.domain.abandonment import to_whoever_is_free
from leadline.domain.agent import Presence
from leadline.domain.flow import Flow
from leadline.domain.lead import Lead
from leadline.domain.pacing import Day, Measures
from leadline.domain.policy import Mode
from leadline.store import agents as agent_store
from leadline.store import pacing as store
from leadline.store.database import Database
from leadline.telephony.fake import FakeEngine

NAMES = tuple("abcdefgh")
LOGINS = tuple(f"{name}@acme.example" for name in NAMES)
MESSAGE = to_whoever_is_free("VoiceProcess", {"en": "This was Acme, {{ fname }}."})
TODAY = datetime.now(UTC).toordinal()
KNOWN = Measures(calls=200, rate=0.2, answers=40, ring=8.0, silences=160, silence=20.0, handled=40, handling=120.0,
                 days={TODAY: Day(1_000, 0)})  # fmt: skip
"""One in five answers, and the cap has room for thirty."""


def patient(seconds: float) -> Flow:
    """The flow of a predictive call, whose customers wait so long."""
    nodes = dict(MESSAGE.nodes)
    transfer = nodes["agent"]
    nodes["agent"] = type(transfer)(transfer.queue, transfer.on, timeout=timedelta(seconds=seconds))
    return Flow(MESSAGE.name, MESSAGE.start, nodes)


async def predictive(
    database: Database,
    dsn: str,
    engine: FakeEngine,
    flow: Flow = MESSAGE,
    known: Measures | None = KNOWN,
    **policy: object,
) -> Bench:
    """A predictive process, of which the database knows as much as the catalogue does."""
    given = {"mode": Mode.PREDICTIVE, "users": LOGINS, "speech": SPEECH, "ring_timeout": timedelta(minutes=5)}
    calls = process(flow, (a_trunk(engine="fake", channels=400, cps=1_000),), **(given | policy))
    async with database.transaction() as connection:
        await connection.execute(
            """insert into process (organisation_id, id, servicekey, policy) overriding system value
               values (1, 1, 'VoiceProcess', $1)""",
            {"mode": calls.policy.mode.value, "users": list(calls.policy.users)},
        )
        if known is not None:
            await store.locked(connection, 1, 1, TODAY)
            await store.write(connection, 1, 1, known, TODAY)
            for day, counted in known.days.items():
                await connection.execute(
                    """insert into pacing_day values (1, 1, to_date($1::text, 'YYYY-MM-DD'), $2, $3)
                       on conflict do nothing""",
                    str(date.fromordinal(day)), counted.answered, counted.abandoned,
                )  # fmt: skip
    return bench(database, dsn, engine, calls)


async def push(desk: Bench, count: int) -> list[Lead]:
    return [await desk.push(number=f"+9184528{n:05}", number_key=f"{n}") for n in range(count)]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.005)


async def measured(desk: Bench) -> Measures:
    async with desk.database.connection() as connection:
        return await store.measures(connection, 1, TODAY)


async def ringing(desk: Bench) -> int:
    async with desk.database.connection() as connection:
        return (await store.now(connection, 1, 1, LOGINS)).ringing


async def room(desk: Bench) -> int:
    async with desk.database.transaction() as connection:
        return await live.room(connection, desk.process, datetime.now(UTC))


async def waits(desk: Bench, lead: Lead) -> None:
    """Return when the customer waits for an agent, and the database knows."""

    async def waiting() -> bool:
        return "attempt.waiting_agent" in await desk.kinds(lead)

    await until(waiting)


async def come(desk: Bench, name: str, presence: Presence = Presence.READY) -> None:
    async with desk.database.transaction() as connection:
        await agent_store.put(connection, 1, f"{name}@acme.example", presence, datetime.now(UTC))


def dialed(lead: Lead) -> str:
    return lead.number.replace("+91", "0")
