"""The play itself: a temporary Leadline, the test phone as carrier and customer, three pushes, what came of them."""

import asyncio
import contextlib
import json
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO
from zoneinfo import ZoneInfo

import httpx
import structlog
import uvloop

from leadline import settings
from leadline.bootstrap import Leadline, Options
from leadline.cli.console import out
from leadline.cli.demo.story import ANYBODY, CONFIGURATION, CUSTOMERS, Customer, push_of
from leadline.cli.demo.verdict import alike, faults
from leadline.cli.timeline import line_of
from leadline.clock import SystemClock
from leadline.domain.errors import LeadlineError
from leadline.domain.moment import write_moment
from leadline.settings import Settings
from leadline.telephony.phone.ear import speech_seconds
from leadline.telephony.phone.phone import Phone
from leadline.web.vendor import PATH

PATIENCE: Final = 60.0
"""Seconds that the calls may take."""
LOOK: Final = 0.1
"""Seconds between two looks at a timeline."""
ZONE: Final = ZoneInfo("Asia/Kolkata")


def run(directory: Path, *, keep: bool) -> int:
    """Play it; the exit code is 0 only if every lead ended as it should."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LeadlineError(f"{directory} cannot be made ({error.strerror}): name another with --out") from None
    home = Path(tempfile.mkdtemp(prefix="leadline-demo-"))
    try:
        with (home / "leadline.log").open("w", encoding="utf-8") as written:
            _log_to(written)
            try:
                return uvloop.run(_play(home, directory, keep=keep))
            except (LeadlineError, TimeoutError, httpx.HTTPError) as error:
                out.print("the demo failed: ", style="bold red", end="")
                out.print(f"{type(error).__name__}: {error}")
                out.print((home / "leadline.log").read_text(encoding="utf-8")[-4_000:])
                return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _play(home: Path, directory: Path, *, keep: bool) -> int:
    apikey = secrets.token_urlsafe(16)
    callees = {customer.dialed: customer.callee for customer in CUSTOMERS}
    async with Phone(callees=callees, default=ANYBODY) as phone:
        out.print(f"the test phone plays carrier and customer at 127.0.0.1:{phone.port}")
        (home / "leadline.yaml").write_text(CONFIGURATION.format(apikey=apikey, port=phone.port), encoding="utf-8")
        async with _leadline(home) as url:
            out.print(f"Leadline is up at {url}")
            async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {apikey}"}) as client:
                leads = await _push(client, apikey)
                failed = await _watch(client, leads, phone, directory)
            if keep and not failed:
                await _keep(url, apikey, home)
    return 1 if failed else 0


@contextlib.asynccontextmanager
async def _leadline(home: Path) -> AsyncIterator[str]:
    """A Leadline of our own on a directory of its own; stopped in good order afterwards."""
    chosen = Options(home / "leadline.yaml", home / "data", ("127.0.0.1", 0), drain=5.0)
    environment = {name: value for name, value in settings.environment().items() if not name.startswith("LEADLINE_")}
    environment["LEADLINE_WEB_PROCESSES"] = "1"  # three customers
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    leadline = Leadline(chosen, Settings.from_environment(environment), environment)
    running = asyncio.create_task(leadline.run(ready.set_result, stop))
    try:
        both: set[asyncio.Future[Any]] = {running, ready}
        await asyncio.wait(both, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        if not ready.done():
            raise TimeoutError("Leadline was not ready in time")
        yield ready.result()
    finally:
        stop.set()
        await running


async def _push(client: httpx.AsyncClient, apikey: str) -> list[int]:
    """Push the customers through the front door; the ids of their leads."""
    document = push_of(CUSTOMERS, apikey, write_moment(SystemClock().now(), ZONE))
    answer = (await client.post(PATH, json=document)).json()
    out.print(f"pushed {len(CUSTOMERS)} customers: {answer['statuscode']} {answer['statusdesc']} {answer['counts']}")
    if answer["statuscode"] != "001" or answer["counts"]["created"] != len(CUSTOMERS):
        raise LeadlineError(f"the push was answered {json.dumps(answer, ensure_ascii=False)}")
    return [result["leadid"] for result in answer["results"]]


async def _watch(client: httpx.AsyncClient, leads: list[int], phone: Phone, directory: Path) -> int:
    """Print every timeline as it happens, keep what was heard; returns how many faults there were."""
    async with asyncio.timeout(PATIENCE):
        timelines = await asyncio.gather(
            *(_follow(client, lead, customer) for lead, customer in zip(leads, CUSTOMERS, strict=True))
        )
    failed, heard = 0, {}
    for lead, customer, timeline in zip(leads, CUSTOMERS, timelines, strict=True):
        calls = [call for call in phone.calls if call.number == customer.dialed]
        for fault in faults(customer, (await client.get(f"/v1/leads/{lead}")).json(), timeline, calls):
            failed += 1
            out.print(f"{customer.tongue}: ", style="bold red", end="")
            out.print(fault)
        for call in calls:
            heard[customer.tongue] = call.heard
            wav = directory / f"{customer.tongue.lower()}.wav"
            call.write_wav(wav)
            length = len(call.heard) / 2 / 8_000
            out.print(f"{wav}  {length:.1f} s, {speech_seconds(call.heard):.1f} s of them speech")
    for fault in alike(heard):
        failed += 1
        out.print(fault, style="bold red")
    if not failed:
        told = f"all {len(CUSTOMERS)} customers were called once, heard their name and pressed a key"
        out.print(told, style="bold green")
    return failed


async def _follow(client: httpx.AsyncClient, lead: int, customer: Customer) -> list[Mapping[str, Any]]:
    """Print a lead's events as they come, up to the one that closes it."""
    seen: list[Mapping[str, Any]] = []
    clock = SystemClock()
    while not seen or seen[-1]["kind"] != "lead.closed":
        items = (await client.get(f"/v1/leads/{lead}/timeline")).json()["items"]
        for event in items[len(seen) :]:
            out.print(f"{customer.tongue:<8} ", style=customer.colour, end="")
            out.print(line_of(event))
        seen = items
        await clock.sleep(LOOK)
    return seen


async def _keep(url: str, apikey: str, home: Path) -> None:
    """Stay up until Ctrl-C or SIGTERM."""
    friend = Customer("en", "English", "Your name", "", "9820044556", "09820044556", CUSTOMERS[0].presses, "white")
    document = push_of((friend,), apikey, write_moment(SystemClock().now(), ZONE))
    body = shlex.quote(json.dumps(document, ensure_ascii=False))
    out.print("\nkept up; push a customer of your own:\n")
    out.print(f"curl -s {url}{PATH} -H 'Content-Type: application/json' -d {body}\n")
    out.print("and read what became of them:\n")
    out.print(f"curl -s {url}/v1/leads -H 'Authorization: Bearer {apikey}'")
    out.print(f"{Path(sys.argv[0])} leads --data {home / 'data'}\n")
    out.print("Ctrl-C ends it.")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _log_to(file: TextIO) -> None:
    """Leadline's own log goes to a file, shown only when something fails: the timeline is the story."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file),
        cache_logger_on_first_use=False,
    )
