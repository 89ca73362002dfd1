"""From the CRM's click to the INVITE at the carrier: hot leads pushed over HTTP, one by one, at 20 a second.

The ceiling is the least that could do it: a bare ASGI endpoint that writes one durable row and hands the number to
the same engine, with no rule, no claim and no event.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx
from figure import Figure, percentile

from leadline.store.embedded.server import EmbeddedPostgres
from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Invite
from leadline.telephony.phone import Phone
from leadline.web.server import HttpServer, listen, url_of

PUSHES = 200
WARM_UP = 20
INTERVAL = 1 / 20
CONFIGURATION = """
organisations:
  - name: Bench
    apikey: {apikey}
    timezone: Asia/Kolkata
    processes:
      - {{servicekey: Bench, flow: bye, calling_hours: null, retry: {{busy: {{after: 1d, times: 1}}}}}}
trunks:
  - name: phone
    uri: "sip:{{number}}@127.0.0.1:{port}"
    prefix: {{international: "00", national: "0", home_region: IN}}
    channels: 100
    cps: 100
flows:
  - name: bye
    start: bye
    nodes:
      bye: {{hangup: {{outcome: done}}}}
"""


async def measure() -> list[Figure]:
    """p50 and p99 of push to INVITE, of Leadline and of the bare endpoint."""
    async with Phone(default=Callee.busy()) as phone:
        async with leadline(phone) as (client, document):
            ours = await latencies(
                phone, lambda number: client.post("/CustomerWebServices/handleCustomerWS", json=document(number))
            )
        async with bare(phone) as client:
            ceiling = await latencies(phone, lambda number: client.post("/", json={"number": number}))
    goals = {0.5: "p50 <= 15 ms", 0.99: "p99 <= 60 ms"}
    return [
        Figure(
            f"push to INVITE, p{share * 100:.0f}",
            percentile(ours, share) * 1_000,
            percentile(ceiling, share) * 1_000,
            "ms",
            goal,
            "bare ASGI, one durable row, same engine",
        )
        for share, goal in goals.items()
    ]


async def latencies(phone: Phone, push: Callable[[str], Awaitable[httpx.Response]]) -> list[float]:
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
async def leadline(phone: Phone) -> AsyncIterator[tuple[httpx.AsyncClient, Callable[[str], dict[str, object]]]]:
    """A Leadline in a process of its own."""
    apikey = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / "leadline.yaml"
        config.write_text(CONFIGURATION.format(apikey=apikey, port=phone.port))
        command = [
            "-m",
            "leadline.cli",
            "up",
            "--config",
            str(config),
            "--data",
            f"{home}/data",
            "--http",
            "127.0.0.1:0",
        ]
        environment = {**os.environ, "LEADLINE_LOG_LEVEL": "warning"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=environment
        )
        try:
            assert process.stdout is not None
            url = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()[1]

            def document(number: str) -> dict[str, object]:
                record = {"mobilenumber": number, "calltype": "5", "fname": "Grace"}
                return {
                    "method": "ImportProcessData", "apikey": apikey, "servicekey": "Bench", "media": "12",
                    "updateparam": "mobilenumber", "reqdatetime": "2026-01-01 00:00:00", "data": [record],
                }  # fmt: skip

            async with httpx.AsyncClient(base_url=url) as client:
                yield client, document
        finally:
            process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def bare(phone: Phone) -> AsyncIterator[httpx.AsyncClient]:
    """The least that could ring a phone for an HTTP request, in this process."""
    with tempfile.TemporaryDirectory() as home:
        postgres, engine = EmbeddedPostgres(Path(home)), EmbeddedEngine(EmbeddedSettings())
        await postgres.start()
        await engine.start()
        pool = await asyncpg.create_pool(postgres.dsn)
        await pool.execute("create table lead (id bigint generated always as identity primary key, number text)")
        calls = set()

        async def app(_scope, receive, send):
            number = json.loads((await receive())["body"])["number"]
            await pool.execute("insert into lead (number) values ($1)", number)
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
                yield client
        finally:
            await server.stop()
            await engine.stop()
            await pool.close()
            await postgres.stop()


async def drain(call) -> None:
    async for _ in call.events():
        pass
