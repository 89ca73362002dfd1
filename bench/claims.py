"""Claims a second, fifty a transaction; no call is made. Two figures, each on a copy of the same database:

- the queue: the dialer's own look and `draw`, due rows gone, their leads locked and read, against a bare `delete` of as
  many due rows `skip locked`;
- the whole claim: rules judged, budgets asked, attempts and events written, against the least that keeps two dialers
  apart: due rows locked, attempts inserted, leads marked, rows deleted.

Each of ours also while somebody has a snapshot open, which keeps every row that was dialed since where it is.
"""

import contextlib
import itertools
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
from figure import Figure
from serving import fresh_database, postgres

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from builders import a_policy, a_process, a_trunk
from leadline.calling.budget import TrunkBudget
from leadline.calling.claim import Claimer
from leadline.calling.fronts import Fronts
from leadline.clock import SystemClock
from leadline.domain.flow import Flow, Hangup
from leadline.domain.upsert import DueKind
from leadline.store import claims
from leadline.store.database import Database

TURNS = 3
"""Of each loop, in turn with the others, each on a copy of its own; the best one counts."""
SECONDS = 2.0
BATCH = 50
QUEUES = [(DueKind.CALL, 1)]
PLENTY = 10**9
WORKER = "bench"
SEED = """
    with made as (
        insert into lead (organisation_id, process_id, media, calltype, asked_calltype, state, mobilenumber, number,
            number_key, due_at, scheduled_by, events, created_at, updated_at)
        select 1, 1, 12, 1001, 1001, 'scheduled', '+91' || n, '+91' || n, '+91' || n,
            now() - interval '1 day' + n % 80000 * interval '1 s', now(), 0, now(), now()
        from generate_series($1::bigint, $2::bigint) as n returning id, due_at)
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select 1, id, 'call', 1, 3, due_at from made"""
BARE_TAKE = """
    select organisation_id, lead_id from due where kind = 'call' and process_id = 1 and priority = 3 and due_at <= $1
    order by due_at limit $2 for update skip locked"""
BARE_DELETE = """
    delete from due using (
        select organisation_id, lead_id, kind from due
        where kind = 'call' and process_id = 1 and priority = 3 and due_at <= $1
        order by due_at limit $2 for update skip locked) as first
    where due.organisation_id = first.organisation_id and due.lead_id = first.lead_id and due.kind = first.kind
    returning due.lead_id"""
BARE_WRITE = """
    with gone as (delete from due where organisation_id = 1 and lead_id = any($1::bigint[]) and kind = 'call'),
    marked as (update lead set state = 'dialing', due_at = null where organisation_id = 1 and id = any($1::bigint[]))
    insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number, dial_string, state,
        started_at)
    select 1, attempt, lead, 1, 1, 'bench', 'telco', '', '', 'created', $3
    from unnest($2::uuid[], $1::bigint[]) as made(attempt, lead)"""


LOOPS: dict[str, Callable[[str], Awaitable[float]]] = {}
BARE = ("bare_queue", "bare")
MANY = 10_000_000


def loop(measured: Callable[[str], Awaitable[float]]) -> Callable[[str], Awaitable[float]]:
    """One of those that are measured beside each other."""
    LOOPS[measured.__name__] = measured
    return measured


async def measure(sizes: tuple[int, ...] = (10_000, 1_000_000)) -> list[Figure]:
    """Claims a second on top of so many due rows; and while a snapshot is open that is older than a tenth of them."""
    figures = []
    async with postgres() as server:
        for size in sizes:
            await seed(await fresh_database(server, f"due_{size}"), size)
            rates: defaultdict[tuple[str, bool], float] = defaultdict(float)
            for turn, name, held in itertools.product(range(TURNS), LOOPS, (False, True)):
                if held and name in BARE:
                    continue
                async with (
                    copy(server.dsn, f"due_{size}", f"{name}_{size}_{turn}_{held:d}") as dsn,
                    snapshot(dsn, size // 10) if held else contextlib.nullcontext(),
                ):
                    rates[name, held] = max(rates[name, held], await LOOPS[name](dsn))
            figures += beside(f"{size:,} due", {name: rates[name, False] for name in LOOPS}, ">= 0.8")
            figures += [
                Figure(f"{what}, {size:,} due, an old snapshot open", rates[name, True], rates[name, False], unit,
                       ">= 0.5", "the same without")
                for what, name, unit in (("queue", "queue", "leads/s"), ("whole claim", "ours", "claims/s"))
            ]  # fmt: skip
    return figures


async def measure_many() -> list[Figure]:
    """The same with ten million due rows: one database for all loops, since each takes a hundredth of it."""
    async with postgres() as server:
        dsn = await fresh_database(server, "due_many")
        await seed(dsn, MANY)
        return beside(f"{MANY:,} due", {name: await measured(dsn) for name, measured in LOOPS.items()}, ">= 0.8")


def beside(of: str, rates: dict[str, float], goal: str) -> list[Figure]:
    return [
        Figure(f"queue, {of}", rates["queue"], rates["bare_queue"], "leads/s", goal, "bare delete, skip locked"),
        Figure(f"whole claim, {of}", rates["ours"], rates["bare"], "claims/s", "", "bare SQL loop"),
    ]


@loop
async def ours(dsn: str) -> float:
    """The claim as the dialer makes it, one worker, one transaction after another."""
    database = Database(dsn)
    await database.open()
    process = a_process(
        flow=Flow("bye", "bye", {"bye": Hangup("done")}),
        trunks=(a_trunk(channels=PLENTY, cps=PLENTY),),
        policy=a_policy(calling_hours=None),
    )
    budgets = {"telco": TrunkBudget(PLENTY, PLENTY, time.monotonic)}
    claimer = Claimer(database, SystemClock(), WORKER, budgets, lambda _: True)
    fronts = Fronts(time.monotonic)

    async def turn() -> int:
        async with database.connection() as connection:
            found = await fronts.look(connection, QUEUES, datetime.now(UTC))
        return sum([len((await claimer.claim(process, front, BATCH)).tickets) for front in found])

    try:
        return await rate(turn)
    finally:
        await database.close()


@loop
async def queue(dsn: str) -> float:
    """What the claim takes from the queue."""
    database = Database(dsn)
    await database.open()

    fronts = Fronts(time.monotonic)
    try:
        async with database.connection() as connection:
            await connection.execute("set plan_cache_mode = force_generic_plan")  # as in every claim

            async def turn() -> int:
                now = datetime.now(UTC)
                found = await fronts.look(connection, QUEUES, now)
                async with connection.transaction():
                    return sum([len(await claims.draw(connection, front, now, BATCH, now)) for front in found])

            return await rate(turn)
    finally:
        await database.close()


@loop
async def bare_queue(dsn: str) -> float:
    """As many rows of the queue gone, and nothing else."""
    connection = await asyncpg.connect(dsn, server_settings={"enable_seqscan": "off", "jit": "off"})
    now = datetime.now(UTC)

    async def turn() -> int:
        return len(await connection.fetch(BARE_DELETE, now, BATCH))

    try:
        return await rate(turn)
    finally:
        await connection.close()


async def rate(turn: Callable[[], Awaitable[int]]) -> float:
    """What so many turns have come to, a second; the first is not counted."""
    await turn()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS and (more := await turn()):
        done += more
    return done / (time.perf_counter() - began)


@loop
async def bare(dsn: str) -> float:
    """The least that keeps two dialers apart and is durable before the INVITE."""
    connection = await asyncpg.connect(dsn, server_settings={"enable_seqscan": "off", "jit": "off"})
    now = datetime.now(UTC)

    async def turn() -> int:
        async with connection.transaction():
            taken = [row["lead_id"] for row in await connection.fetch(BARE_TAKE, now, BATCH)]
            await connection.execute(BARE_WRITE, taken, [uuid4() for _ in taken], now)
        return len(taken)

    try:
        return await rate(turn)
    finally:
        await connection.close()


async def seed(dsn: str, size: int) -> None:
    """So many leads that are due, and a worker whose lease does not run out."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('Bench', '', 'UTC')")
    await connection.execute("insert into process (organisation_id, servicekey, policy) values (1, 'Bench', '{}')")
    await connection.execute("insert into worker values ($1, 'here', 1, now() + interval '1 day')", WORKER)
    first = 6_000_000_000
    for start in range(0, size, 100_000):
        await connection.execute(SEED, first + start, first + min(start + 100_000, size) - 1)
    await connection.execute("vacuum analyze lead, due")
    await connection.close()


@contextlib.asynccontextmanager
async def copy(dsn: str, template: str, name: str) -> AsyncIterator[str]:
    """A database like another, gone afterwards."""
    admin = await asyncpg.connect(dsn.replace("/leadline?", "/postgres?"))
    await admin.execute(f"create database {name} template {template}")
    try:
        yield dsn.replace("/leadline?", f"/{name}?")
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


@contextlib.asynccontextmanager
async def snapshot(dsn: str, dialed: int) -> AsyncIterator[None]:
    """A session that looked once and went to lunch, since when so many leads have been dialed."""
    connection = await asyncpg.connect(dsn)
    dialer = await asyncpg.connect(dsn)
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    await connection.fetchval("select count(*) from organisation")
    await dialer.execute("delete from due where ctid in (select ctid from due order by due_at limit $1)", dialed)
    await dialer.close()
    try:
        yield
    finally:
        await connection.close()
