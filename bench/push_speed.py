"""Pushes over HTTP: how many a second, and how late each is answered, over connections, size of push, leads there.

Leadline runs as `leadline up`, in the same run and on the same PostgreSQL (each with a database of its own) as
- the twin: bare ASGI, msgspec, one micro-batched upsert that writes the same rows (`twin.py`): the ceiling;
- the ORM: FastAPI and SQLAlchemy as most would write it (`orm.py`): what a user would have instead;
- COPY into the lead table with its indexes: the ceiling of a push of many records.
Rivals take turns, again and again, so that a busy machine is busy for all of them; the best turn of each counts.
"""

import contextlib
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
from figure import Figure, percentile
from serving import HERE, Load, Rival, fresh_database, load, postgres, program

TURNS = 3
SECONDS = 1.5
CONNECTIONS = (1, 8, 32, 64)
SIZES = (10, 100, 1_000)
LEADS = 10_000
GOALS = {1: "", 8: "", 32: "", 64: ">= 0.75"}
FASTER = {1: ">= 1", 8: "", 32: ">= 10", 64: ">= 10"}
CONFIGURATION = """
organisations:
  - name: Bench
    apikey: {apikey}
    timezone: Asia/Kolkata
    processes:
      - {{servicekey: Bench, flow: bye, calling_hours: null}}
trunks:
  - name: nowhere
    uri: "sip:{{number}}@127.0.0.1:9"
    prefix: {{international: "00", national: "0", home_region: IN}}
flows:
  - name: bye
    start: bye
    nodes:
      bye: {{hangup: {{outcome: done}}}}
"""
DOCUMENT = (
    '{"method":"ImportProcessData","apikey":"%s","servicekey":"Bench","media":"12","updateparam":"mobilenumber",'
    '"reqdatetime":"2026-01-01 00:00:00","data":[{"mobilenumber":"{n}","leadnumber":"L{n}","fname":"Asha",'
    '"lname":"Rao","emailid":"asha.rao@example.com","calldatetime":"2036-05-01 10:00:00","product":"Home loan",'
    '"remarks":"Asked for a call in the morning"}]}'
)
SEED = """
    with made as (
        insert into lead (organisation_id, process_id, media, calltype, asked_calltype, state, mobilenumber, number,
            number_key, leadnumber, crm_key, fname, call_at, due_at, scheduled_by, events, created_at, updated_at)
        select 1, 1, 12, 1001, 1001, 'scheduled', '0' || n, '+91' || n, '+91' || n, 'S' || n, 'S' || n, 'Asha',
            due, due, now(), 1, now(), now()
        from generate_series($1::bigint, $2::bigint) as n
        cross join lateral (select timestamptz '2036-05-01 00:00Z' + n % 9999 * interval '1 s' as due) as at
        returning id, due_at),
    told as (
        insert into event (organisation_id, lead_id, opening, seq, at, kind)
        select 1, id, 1, 1, now(), 'lead.created' from made)
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select 1, id, 'call', 1, 3, due_at from made"""


async def measure(leads: int = LEADS) -> list[Figure]:
    """Rates, latencies and records a second, on top of `leads` that are there."""
    async with rivals(leads) as (ours, twin, orm, dsn):
        figures = [figure for connections in CONNECTIONS for figure in await single(ours, twin, orm, connections)]
        figures += await bulk(ours, dsn)
    size = f"{leads // 1_000:,}k leads" if leads < 1_000_000 else f"{leads / 1_000_000:g}M leads"
    return [replace(figure, what=f"{figure.what}, {size}") for figure in figures]


async def measure_million() -> list[Figure]:
    """The same on top of a million leads."""
    return await measure(1_000_000)


async def single(ours: Rival, twin: Rival, orm: Rival, connections: int) -> list[Figure]:
    """Pushes of one record."""
    found: dict[str, list[Load]] = {"ours": [], "twin": [], "orm": []}
    for _ in range(TURNS):
        for name, rival in (("ours", ours), ("twin", twin), ("orm", orm)):
            found[name].append(await load(rival, connections=connections, seconds=SECONDS))
    best = {name: max(turns, key=lambda turn: turn.rate) for name, turns in found.items()}
    what = f"single push, {connections} connections"
    figures = [
        Figure(what, best["ours"].rate, best["twin"].rate, "pushes/s", GOALS[connections], "bare ASGI twin"),
        Figure(what, best["ours"].rate, best["orm"].rate, "pushes/s", FASTER[connections], "FastAPI + SQLAlchemy ORM"),
    ]
    for share, goal in ((0.5, ""), (0.99, "<= 25 ms" if connections == 64 else "")):
        late = {name: min(percentile(turn.latencies, share) for turn in turns) * 1_000 for name, turns in found.items()}
        figures.append(Figure(f"{what}, p{share * 100:.0f}", late["ours"], late["twin"], "ms", goal, "bare ASGI twin"))
    spent = {name: turn.cpu / len(turn.latencies) * 1e6 for name, turn in best.items()}
    figures.append(Figure(f"{what}, processor", spent["ours"], spent["twin"], "µs/push", "", "bare ASGI twin"))
    return figures


async def bulk(ours: Rival, dsn: str) -> list[Figure]:
    """Pushes of many records by two senders, against COPY of as many rows."""
    figures = []
    for size in SIZES:
        rates, ceilings = [], []
        for _ in range(TURNS):
            rates.append((await load(ours, connections=2, seconds=SECONDS, records=size)).rate * size)
            ceilings.append(await copied(dsn, size))
        goal = ">= 0.3" if size == max(SIZES) else ""
        what = f"push of {size:,} records"
        figures.append(Figure(what, max(rates), max(ceilings), "records/s", goal, "COPY into the lead table"))
    return figures


async def copied(dsn: str, size: int) -> float:
    """Rows a second of COPY into the lead table, `size` at a time, each committed."""
    columns = [
        "organisation_id", "process_id", "media", "calltype", "asked_calltype", "state", "mobilenumber", "number",
        "number_key", "leadnumber", "crm_key", "fname", "lname", "emailid", "scheduled_by", "events", "created_at",
        "updated_at",
    ]  # fmt: skip
    connection = await asyncpg.connect(dsn)
    now = await connection.fetchval("select now()")
    rows, spent = 0, 0.0
    while spent < SECONDS:
        made = []
        for _ in range(size):
            n = f"{secrets.randbelow(10**12)}"
            names = (f"0{n}", f"+91{n}", f"+91{n}", f"L{n}", f"L{n}", "Asha", "Rao", "asha.rao@example.com")
            made.append((1, 1, 12, 1001, 1001, "scheduled", *names, now, 2, now, now))
        began = time.perf_counter()
        await connection.copy_records_to_table("lead", records=made, columns=columns)
        spent += time.perf_counter() - began
        rows += size
    await connection.close()
    return rows / spent


@contextlib.asynccontextmanager
async def rivals(leads: int) -> AsyncIterator[tuple[Rival, Rival, Rival, str]]:
    """Leadline, the twin, the ORM, and a database for COPY, each on top of `leads`."""
    document = (DOCUMENT % (apikey := secrets.token_urlsafe(16))).encode()
    async with postgres() as server, contextlib.AsyncExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        config = Path(home) / "leadline.yaml"
        config.write_text(CONFIGURATION.format(apikey=apikey))
        dsns = {name: await fresh_database(server, name) for name in ("ours", "twin", "orm", "copy")}
        for dsn in dsns.values():
            await seed(dsn, leads)
        up = ("-m", "leadline.cli", "up", "--config", str(config), "--http", "127.0.0.1:0")
        environment = {"LEADLINE_DATABASE_URL": dsns["ours"], "LEADLINE_LOG_LEVEL": "warning"}
        url, pid = await stack.enter_async_context(program(*up, environment=environment))
        ours = Rival(url, "/CustomerWebServices/handleCustomerWS", document, pid)
        others = []
        for name in ("twin", "orm"):
            url, pid = await stack.enter_async_context(program(str(HERE / f"{name}.py"), dsns[name]))
            others.append(Rival(url, "/push", document, pid))
        yield ours, *others, dsns["copy"]


async def seed(dsn: str, leads: int) -> None:
    """Leads that wait for a call in ten years."""
    connection = await asyncpg.connect(dsn)
    for start in range(0, leads, 100_000):
        await connection.execute(SEED, 6_000_000_000 + start, 6_000_000_000 + min(start + 100_000, leads) - 1)
    await connection.execute("vacuum analyze")
    await connection.close()
