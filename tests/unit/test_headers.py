"""One header of a request, bare or the framework's, and what is put on its answer."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from leadline.web.headers import ANSWERS, answer_with, header
from leadline.web.shortcut import Endpoint

SCOPE = {"type": "http", "headers": [(b"x", b"1"), (b"x", b"2"), (b"y", b"\xe9")]}


@pytest.mark.parametrize("request_", [SCOPE, Request(SCOPE)])
def test_the_first_header_of_a_name_counts(request_):
    assert [header(request_, name) for name in (b"x", b"y", b"z")] == ["1", "é", ""]


@pytest.mark.parametrize("kind", [dict, Request])
def test_an_answer_has_what_is_put_on_it_where_somebody_sends_it(kind):
    asked = {"type": "http", "headers": [], ANSWERS: [(b"a", b"1")]}
    answer_with(kind(asked), {"RateLimit": "r"})
    assert asked[ANSWERS] == [(b"a", b"1"), (b"ratelimit", b"r")]
    answer_with(kind(SCOPE), {"RateLimit": "r"})  # of no answer of ours: nothing to put it on
    assert ANSWERS not in SCOPE


async def test_an_endpoint_is_the_same_behind_the_framework():
    async def serve(scope, receive):
        return scope["method"].encode() + (await receive())["body"]

    route = Endpoint("/path", ("GET", "POST"), serve).route
    transport = httpx.ASGITransport(Starlette(routes=[route]))
    async with httpx.AsyncClient(transport=transport, base_url="http://leadline") as client:
        answer = await client.post("/path", content=b"ed")
        assert (answer.content, answer.headers["content-type"]) == (b"POSTed", "application/json")
        for method in ("HEAD", "PUT"):
            assert (await client.request(method, "/path")).status_code == 405
