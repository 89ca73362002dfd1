"""The vendor's endpoint over real connections: what only a server can get wrong, and clients that do not behave."""

import asyncio
import json
from collections.abc import AsyncIterator

import api
import pytest

from builders import a_push
from leadline.web.body import Bodies
from leadline.web.limits import UNKNOWN_KEYS
from leadline.web.server import HttpServer, listen, url_of
from leadline.web.vendor import PATH

PUSH = a_push()
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: leadline\r\nContent-Type: application/json\r\n".encode()


class Line:
    """One server, to be sent whatever bytes a test likes."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def send(self, data: bytes, *, closing: bool = False) -> bytes:
        """All that comes back until the server closes, or, where we close at once, nothing."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(data)
        await writer.drain()
        answer = b"" if closing else await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        return answer

    async def push(self) -> dict:
        head = HEAD + f"Content-Length: {len(PUSH)}\r\nConnection: close\r\n\r\n".encode()
        return json.loads((await self.send(head + PUSH)).partition(b"\r\n\r\n")[2])


@pytest.fixture
async def line(database) -> AsyncIterator[Line]:
    [listening] = listen("127.0.0.1", 0)
    server, url = HttpServer(listening), url_of("127.0.0.1", listening)
    await server.start(api.an_application(database, bodies=Bodies(4_096, 8_192, 0.2)))
    yield Line(int(url.rpartition(":")[2]))
    await server.stop()


async def stored(database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("select count(*) from lead")


async def test_a_document_in_an_address_as_curl_sends_it(line, database):
    document = PUSH.replace(b" ", b"").replace(b"2026-11-2412:00:00", b"2026-11-24T12:00:00+05:30")
    answer = await line.send(b"GET " + PATH.encode() + b"?data=" + document + b" HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["counts"]["created"] == 1
    assert await stored(database) == 1


async def test_a_client_that_goes_away_half_way_stores_nothing(line, database):
    for part in (10, len(PUSH) // 2, len(PUSH) - 1):
        await line.send(HEAD + f"Content-Length: {len(PUSH)}\r\n\r\n".encode() + PUSH[:part], closing=True)
        await line.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(PUSH) + PUSH[:part], closing=True)
    assert (await line.push())["counts"]["created"] == 1
    assert await stored(database) == 1


async def test_a_client_that_stops_sending_is_told_and_cut_off(line, database):
    answer = await line.send(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"body_too_slow"' in answer
    assert await stored(database) == 0
    assert (await line.push())["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Content-Length: 4097\r\nConnection: close\r\n\r\n" + b" " * 4_097, b"413"),
        (b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1001\r\n" + b" " * 4_097 + b"\r\n0\r\n\r\n", b"413"),
        (b"Content-Encoding: gzip\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\x1f\x8b\x08", b"415"),
        (b"Content-Length: x\r\n\r\n", b"400"),
        (b"Content-Length: -1\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        (b"\x00: \xff\r\n\r\n", b"400"),
    ],
)
async def test_what_is_no_request_is_refused_and_the_server_goes_on(line, rest, status):
    assert (await line.send(HEAD + rest)).startswith(b"HTTP/1.1 " + status)
    assert (await line.push())["statuscode"] == "001"


@pytest.mark.parametrize(("proxies", "answered"), [((), [b"429"]), (["127.0.0.0/8"], [b"401"])])
async def test_who_tries_keys_is_who_connects_but_behind_a_proxy_that_is_trusted(database, proxies, answered):
    [listening] = listen("127.0.0.1", 0)
    server, url = HttpServer(listening, proxies), url_of("127.0.0.1", listening)
    await server.start(api.an_application(database))
    line = Line(int(url.rpartition(":")[2]))
    said = []
    for n in range(UNKNOWN_KEYS + 1):
        head = b"GET /v1/leads HTTP/1.1\r\nHost: leadline\r\nAuthorization: Bearer guess\r\nConnection: close\r\n"
        said.append((await line.send(head + b"X-Forwarded-For: 192.0.2.%d\r\n\r\n" % n)).split()[1])
    await server.stop()
    assert said == [b"401"] * UNKNOWN_KEYS + answered
