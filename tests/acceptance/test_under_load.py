"""Pushes from many connections at once: one lead of one key, one of each of 2,000, and none lost to kill -9."""

import asyncio
import itertools
import signal

import httpx
import pytest

from acceptance.program import KEY, Program

CONNECTIONS = 16
DOCUMENT = {
    "method": "ImportProcessData", "apikey": KEY, "servicekey": "P", "media": "1", "updateparam": "customercode",
    "reqdatetime": "2026-11-25 10:00:00", "verbose": "1",
}  # fmt: skip


@pytest.fixture
def web_processes() -> int:
    return 2


async def push(client: httpx.AsyncClient, customercode: str) -> dict:
    document = DOCUMENT | {"data": [{"customercode": customercode}]}
    answered = await client.post("/CustomerWebServices/handleCustomerWS", json=document)
    answer = answered.raise_for_status().json()  # 503 while Leadline dies: nothing was stored
    assert answer["statuscode"] == "001", answer
    return answer["results"][0]


async def stored(program: Program) -> list[str]:
    """The customer codes of every lead."""
    found: list[str] = []
    query: dict[str, str | int] = {"limit": 500}
    async with program.client() as client:
        while True:
            page = (await client.get("/v1/leads", params=query)).json()
            found += [lead["customercode"] for lead in page["items"]]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]


async def test_one_key_from_many_connections_is_one_lead_and_one_answer_says_created(started):
    program = await started()
    async with program.client() as client:
        results = await asyncio.gather(*(push(client, "same") for _ in range(64)))
    assert [result["action"] for result in results].count("created") == 1
    assert len({result["leadid"] for result in results}) == 1
    assert await stored(program) == ["same"]


async def test_two_thousand_keys_are_two_thousand_leads(started):
    program = await started()
    codes = iter([str(number) for number in range(2_000)])

    async def pusher(client: httpx.AsyncClient) -> None:
        for code in codes:
            assert (await push(client, code))["action"] == "created"

    async with program.client() as client:
        await asyncio.gather(*(pusher(client) for _ in range(CONNECTIONS)))
    found = await stored(program)
    assert (len(found), len(set(found))) == (2_000, 2_000)


async def test_whatever_was_acknowledged_before_kill_9_is_there(started):
    program = await started()
    codes = itertools.count()
    acknowledged: list[str] = []
    enough = asyncio.Event()

    async def pusher(client: httpx.AsyncClient) -> None:
        while True:
            code = str(next(codes))
            try:
                await push(client, code)
            except httpx.HTTPError:
                return
            acknowledged.append(code)
            if len(acknowledged) == 300:
                enough.set()

    async with program.client() as client:
        pushing = [asyncio.create_task(pusher(client)) for _ in range(CONNECTIONS)]
        await asyncio.wait_for(enough.wait(), 60)
        await program.stop(signal.SIGKILL)
        await asyncio.gather(*pushing)
    found = await stored(await started())
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
