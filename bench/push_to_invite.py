"""From the CRM's click to the INVITE at the carrier: hot leads pushed over HTTP, one by one, at 20 a second.

The ceiling is the least that could do it: a bare ASGI endpoint that writes one durable row and hands the number to
the same engine, with no rule, no claim and no event. Then once more with a million leads due that cannot be called,
half of them of a process whose trunk is full, half of one that is paused, beside none; and what memory they take.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
from figure import Figure, percentile
from serving import fresh_database, memory, postgres

from leadline.store.control import Order
from leadline.store.control import write as order
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Invite
from leadline.telephony.phone.phone import Phone
from leadline.web.server import HttpServer, listen, url_of

PUSHES = 200
WARM_UP = 20
INTERVAL = 1 / 20
WORKERS = 2
"""Of the embedded engine: one begins no more than twelve calls a second."""
WAITING = 500_000
"""Leads of each process that cannot be called."""
CONFIGURATION = """
organisations:
  - name: Bench
    apikey: {apikey}
    timezone: Asia/Kolkata
    processes:
      - {{servicekey: Bench, trunks: [phone], flow: bye, calling_hours: null, retry: {{busy: {{after: 1d, times: 1}}}}}}
      - {{servicekey: Full, trunks: [full], flow: bye, calling_hours: null}}
      - {{servicekey: Paused, trunks: [phone], flow: bye, calling_hours: null}}
trunks:
  - name: phone
    uri: "sip:{{number}}@127.0.0.1:{port}"
    prefix: {{international: "00", national: "0", home_region: IN}}
    channels: 100
    cps: 100
  - name: full
    uri: "sip:{{number}}@127.0.0.1:{full}"
    prefix: {{international: "00", national: "0", home_region: IN}}
    channels: 1
flows:
  - name: bye
    start: bye
    nodes:
      bye: {{hangup: {{outcome: done}}}}
"""
SEED = """
    with made as (
        insert into lead (organisation_id, process_id, media, calltype, asked_calltype, state, mobilenumber, number,
            number_key, due_at, scheduled_by, events, created_at, updated_at)
        select organisation_id, id, 12, 5, 5, 'scheduled', '+91' || n, '+91' || n, '+91' || n,
            now() - interval '1 day' + n % 80000 * interval '1 s', now(), 0, now(), now()
        from process, generate_series($2::bigint, $3::bigint) as n where servicekey = $1
        returning organisation_id, id, process_id, due_at)
    insert into due (organisation_id, lead_id, kind, process_id, priority, due_at)
    select organisation_id, id, 'call', process_id, 0, due_at from made"""

Push = Callable[[str], Awaitable[httpx.Response]]


async def measure() -> list[Figure]:
    """p50 and p99 of push to INVITE, of Leadline and of the bare endpoint; and the memory of its largest process."""
    async with (
        postgres() as server,
        Phone(default=Callee.busy()) as phone,
        Phone(default=Callee.rings_for_ever()) as silent,
    ):
        dsn = await fresh_database(server, "push_to_invite")
        async with leadline(dsn, phone, silent) as (push, pid):
            alone, little = await latencies(phone, push), memory(pid)
            await seed(dsn)
            behind, much = await latencies(phone, push), memory(pid)
        async with bare(server.dsn, phone) as push:
            ceiling = await latencies(phone, push)
    goals = {0.5: "p50 <= 15 ms", 0.99: "p99 <= 60 ms"}
    return [
        *compared("push to INVITE", alone, ceiling, goals, "bare ASGI, one durable row, same engine"),
        *compared(f"push to INVITE, behind {2 * WAITING:,} that cannot be called", behind, alone, goals, "none there"),
        Figure(f"memory of a process, {2 * WAITING:,} waiting", much, little, "MB", "<= 300", "none waiting"),
    ]


def compared(what: str, ours: list[float], ceiling: list[float], goals: dict[float, str], named: str) -> list[Figure]:
    return [
        Figure(
            f"{what}, p{share * 100:.0f}",
            percentile(ours, share) * 1_000,
            percentile(ceiling, share) * 1_000,
            "ms",
            goal,
            named,
        )
        for share, goal in goals.items()
    ]


async def seed(dsn: str) -> None:
    """Hot leads that have been due for a day: those before whom the trunk is full, and those of a paused process."""
    connection = await asyncpg.connect(dsn)
    for first, servicekey in ((6_000_000_000, "Full"), (7_000_000_000, "Paused")):
        if servicekey == "Paused":
            organisation, process = await connection.fetchrow(
                "select organisation_id, id from process where servicekey = $1", servicekey
            )
            await order(connection, organisation, process, Order.PAUSE, datetime.now(UTC))
        for start in range(0, WAITING, 100_000):
            await connection.execute(SEED, servicekey, first + start, first + start + 99_999)
    await connection.execute("vacuum analyze lead, due")
    await connection.close()


async def latencies(phone: Phone, push: Push) -> list[float]:
    """Seconds from before each push to the arrival of its INVITE."""
    loop = asyncio.get_running_loop()
    first = secrets.randbelow(800_000) + 9_820_100_000
    found = []
    for number in range(PUSHES + WARM_UP):
        began = loop.time()
        dialed = f"{first + number}"
        pushing = asyncio.ensure_future(push(dialed))
        await phone.call_to(f"0{dialed}")
        found.append(loop.time() - began)
        (await pushing).raise_for_status()
        await asyncio.sleep(max(0.0, began + INTERVAL - loop.time()))
    return found[WARM_UP:]


@contextlib.asynccontextmanager
async def leadline(dsn: str, phone: Phone, silent: Phone) -> AsyncIterator[tuple[Push, int]]:
    """A Leadline in processes of its own: how a hot lead is pushed to it, and the first of them."""
    apikey = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "leadline.yaml"
        config.write_text(CONFIGURATION.format(apikey=apikey, port=phone.port, full=silent.port))
        environment = {
            **os.environ,
            "LEADLINE_DATABASE_URL": dsn,
            "LEADLINE_LOG_LEVEL": "warning",
            "LEADLINE_SIP_WORKERS": str(WORKERS),
            "LEADLINE_DRAIN": "0",
        }
        command = ("up", "--config", str(config), "--data", f"{home}/data", "--http", "127.0.0.1:0")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "leadline.cli", *command, stdout=asyncio.subprocess.PIPE, env=environment
        )
        try:
            assert process.stdout is not None
            url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()[1]
            async with httpx.AsyncClient(base_url=url) as client:

                async def push(number: str) -> httpx.Response:
                    record = {"mobilenumber": number, "calltype": "5", "fname": "Grace"}
                    document = {
                        "method": "ImportProcessData", "apikey": apikey, "servicekey": "Bench", "media": "12",
                        "updateparam": "mobilenumber", "reqdatetime": "2026-01-01 00:00:00", "data": [record],
                    }  # fmt: skip
                    return await client.post("/CustomerWebServices/handleCustomerWS", json=document)

                yield push, process.pid
        finally:
            process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def bare(dsn: str, phone: Phone) -> AsyncIterator[Push]:
    """The least that could ring a phone for an HTTP request, in this process."""
    engine = EmbeddedEngine(EmbeddedSettings(workers=WORKERS))
    await engine.start()
    async with asyncpg.create_pool(dsn) as pool:
        await pool.execute("create table bare (id bigint generated always as identity primary key, number text)")
        calls = set()

        async def app(_scope, receive, send):
            number = json.loads((await receive())["body"])["number"]
            await pool.execute("insert into bare (number) values ($1)", number)
            call = await engine.originate(Invite(secrets.token_hex(8), phone.uri(f"0{number}"), ring_timeout=10))
            task = asyncio.create_task(drain(call))
            calls.add(task)
            task.add_done_callback(calls.discard)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        [listening] = listen("127.0.0.1", 0)
        server, url = HttpServer(listening), url_of("127.0.0.1", listening)
        await server.start(app)
        try:
            async with httpx.AsyncClient(base_url=url) as client:
                yield lambda number: client.post("/", json={"number": number})
        finally:
            await server.stop()
            await engine.stop()


async def drain(call) -> None:
    async for _ in call.events():
        pass
