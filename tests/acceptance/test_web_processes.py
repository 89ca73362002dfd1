"""Several web processes behind one address: they count together, and one that dies is replaced."""

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from acceptance.program import KEY, Program, configuration
from leadline.web.limits import UNKNOWN_KEYS

PROCESSES = 3


@pytest.fixture
async def program(request, tmp_path):
    (tmp_path / "leadline.yaml").write_text(configuration(9))
    rate = str(getattr(request, "param", 0))
    program = Program(tmp_path, LEADLINE_WEB_PROCESSES=str(PROCESSES), LEADLINE_RATE_LIMIT=rate)
    await program.start()
    yield program
    await program.stop()


def web_processes(program: Program) -> set[int]:
    """Those of this Leadline, by their process ids."""
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text().split()
    return {int(pid) for pid in children if b"leadline.cli.web_process" in Path(f"/proc/{pid}/cmdline").read_bytes()}


async def answers(program: Program, path: str, key: str, count: int) -> list[httpx.Response]:
    """So many answers, each over a connection of its own: the kernel picks the process."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), timeout=20) as client:
        headers = {"Authorization": f"Bearer {key}"}
        return [await client.get(program.url + path, headers=headers) for _ in range(count)]


async def test_unknown_keys_are_counted_whichever_process_they_reach(program):
    refused = Counter(answer.status_code for answer in await answers(program, "/v1/leads", "guess", UNKNOWN_KEYS + 15))
    assert refused == {401: UNKNOWN_KEYS, 429: 15}


@pytest.mark.parametrize("program", [1], indirect=True)
async def test_the_requests_of_a_key_are_counted_whichever_process_they_reach(program):
    began = time.monotonic()
    granted = Counter(answer.status_code for answer in await answers(program, "/v1/leads", KEY, 30))[200]
    assert 1 <= granted <= 2 + (time.monotonic() - began)  # one a second, not one a second of each process


async def test_the_same_key_over_many_connections_is_one_lead(program):
    pushes = [program.push({"mobilenumber": "9820012345", "calldatetime": "2036-05-01 10:00:00"}) for _ in range(20)]
    made = Counter()
    for answer in await asyncio.gather(*pushes):
        made.update(answer["counts"])
    assert (made["created"], made["unchanged"] + made["updated"]) == (1, 19), made


async def test_a_web_process_that_dies_is_replaced_and_the_address_stays(program):
    before = web_processes(program)
    assert len(before) == PROCESSES
    os.kill(killed := min(before), signal.SIGKILL)
    async with asyncio.timeout(30):
        while len(web_processes(program)) < PROCESSES or killed in web_processes(program):
            await asyncio.sleep(0.05)
    assert {answer.status_code for answer in await answers(program, "/readyz", KEY, 20)} == {200}
    assert "a web process ended and begins again" in program.log()


async def test_killed_it_leaves_no_web_process_and_no_address_behind(program):
    left = web_processes(program)
    port = int(program.url.rpartition(":")[2])
    await program.stop(signal.SIGKILL)
    async with asyncio.timeout(30):
        while any(Path(f"/proc/{pid}").exists() for pid in left):
            await asyncio.sleep(0.05)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


async def test_another_leadline_cannot_take_its_address(program, tmp_path):
    (home := tmp_path / "other").mkdir()
    (home / "leadline.yaml").write_text(configuration(9))
    other = Program(home, "--http", program.url.removeprefix("http://"), LEADLINE_WEB_PROCESSES="3")
    await other.spawn()
    assert await asyncio.wait_for(other.process.wait(), 60) == 1
    assert "HTTP cannot listen at" in other.log()
