"""The vendor's endpoint by its three transports, and whatever a client may send to it: answered, never 5xx."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import api
import httpx
import pytest
from structlog.testing import capture_logs

from builders import APIKEY, a_catalogue, a_push, an_organisation
from leadline.web.body import Bodies
from leadline.web.vendor import PATH

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
TRICKY = '{"mobilenumber": "+91 84528 92308", "note": "50% off & more + #5=%41"}'


def a_document(record: str = TRICKY) -> str:
    return a_push(verbose=1).decode().replace('[{"mobilenumber": "+918452892308"}]', f"[{record}]")


@pytest.fixture
async def client(database) -> AsyncIterator[httpx.AsyncClient]:
    async with api.client_of(api.an_application(database), {}) as client:
        yield client


async def stored(database) -> list[tuple[str, Any]]:
    """The transport of each push in the log, and the note of the newest lead."""
    async with database.connection() as connection:
        pushes = await connection.fetch("select transport from push order by id")
        fields = await connection.fetch("select fields from lead")
    return [row["transport"] for row in pushes], [row["fields"].get("note") for row in fields]


NOTE = "50% off & more + #5=%41"


@pytest.mark.parametrize(
    ("send", "transport", "note"),
    [
        (lambda client: client.post(PATH, content=a_document(), headers=JSON), "json", NOTE),
        (lambda client: client.post(PATH, content=a_document()), "json", NOTE),
        (lambda client: client.post(PATH, content=a_document(), headers={"Content-Type": "text/plain"}), "json", NOTE),
        (lambda client: client.post(PATH, content="\ufeff" + a_document(), headers=JSON), "json", NOTE),
        (lambda client: client.post(PATH, data={"data": a_document()}), "form", NOTE),
        (lambda client: client.post(PATH, content=f"data={a_document()}", headers=FORM), "form", NOTE),
        (lambda client: client.post(PATH, content=f"x=1&data={a_document()}", headers=FORM), "form", NOTE),
        (lambda client: client.post(PATH, content=f"data={quote(a_document())}", headers=FORM), "form", NOTE),
        (lambda client: client.post(PATH, content=f"data={quote(a_document(), safe='{}+')}&y=", headers=FORM), "form",
         NOTE),
        (lambda client: client.get(PATH, params={"data": a_document()}), "query", NOTE),
        (lambda client: client.get(f"{PATH}?{urlencode({'x': '1', 'data': a_document()})}"), "query", NOTE),
    ],
)  # fmt: skip
async def test_the_same_document_by_every_transport(client, database, send, transport, note):
    answer = await send(client)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["results"][0]["action"] == "created"
    assert await stored(database) == ([transport], [note])


@pytest.mark.parametrize(
    ("query", "note"),
    [
        (f"data={a_document()}", NOTE),
        (f"x=1&data={a_document()}", NOTE),
        (f"data={quote(a_document(), safe='{}+')}&x=%22", NOTE),
    ],
)
async def test_a_query_as_curl_and_browsers_send_it(database, query, note):
    sent = Sent()
    sent.scope |= {"method": "GET", "query_string": query.encode()}
    await sent.through(api.an_application(database))
    assert json.loads(sent.answer["body"])["counts"]["created"] == 1
    assert await stored(database) == (["query"], [note])


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.get(PATH),
        lambda client: client.get(PATH, params={"dat": "{}"}),
        lambda client: client.post(PATH, headers=FORM),
        lambda client: client.post(PATH, content=a_document(), headers=FORM),
        lambda client: client.post(PATH, data={"apikey": APIKEY}),
    ],
)
async def test_a_form_or_query_without_data_says_so(client, send):
    answer = await send(client)
    assert answer.status_code == 200
    assert (answer.json()["statuscode"], answer.json()["method"]) == ("5", None)
    [error] = answer.json()["errors"]
    assert (error["code"], error["field"]) == ("malformed_json", "data")
    assert "data={JSON}" in error["message"]


async def test_the_body_of_a_get_is_ignored(client, database):
    answer = await client.request("GET", PATH, content=a_document(), headers=JSON)
    assert answer.json()["errors"][0]["code"] == "malformed_json"
    assert await stored(database) == ([], [])


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_not_allowed(client, database, method):
    answer = await client.request(method, PATH, params={"data": a_document()})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}
    assert answer.headers["content-type"] == "application/problem+json"
    assert await stored(database) == ([], [])


async def test_the_path_with_a_slash_leads_to_the_path(client):
    answer = await client.post(f"{PATH}/", content=a_document(), headers=JSON)
    assert (answer.status_code, answer.headers["location"]) == (307, f"http://leadline{PATH}")
    assert (await client.post(f"{PATH}/", content=a_document(), follow_redirects=True)).json()["statuscode"] == "001"


@pytest.mark.parametrize("kind", ["application/xml", "multipart/form-data; boundary=x", "text/html", "application/jso"])
async def test_other_content_types_are_415(client, kind):
    answer = await client.post(PATH, content=a_document(), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "x"])
async def test_compressed_bodies_are_415_and_never_unpacked(client, encoding):
    answer = await client.post(PATH, content=b"\x1f\x8b", headers=JSON | {"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_encoding")
    identity = JSON | {"Content-Encoding": "identity"}
    assert (await client.post(PATH, content=a_document(), headers=identity)).json()["statuscode"] == "001"


async def test_the_limit_is_on_the_body_as_it_is_sent(database):
    async with api.client_of(api.an_application(database, max_body=1_024), {}) as client:
        padded = a_document().encode() + b" " * (1_024 - len(a_document()))
        assert (await client.post(PATH, content=padded, headers=JSON)).status_code == 200
        encoded = f"data={quote(padded, safe='')}"
        assert len(encoded) > 1_024
        for body, kind in ((padded + b" ", JSON), (encoded, FORM)):
            answer = await client.post(PATH, content=body, headers=kind)
            assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_nothing_of_a_query_is_logged(client):
    with capture_logs() as logged:
        for document in (a_document(), "{", a_document().replace(APIKEY, "nobody")):
            await client.get(PATH, params={"data": document})
        await client.head(PATH, params={"data": a_document()})
    assert APIKEY not in repr(logged)
    assert "nobody" not in repr(logged)


async def test_the_repair_of_a_document_stands_in_answer_and_push_log(database):
    faulty = a_document().replace('"data": ', '"data"')
    catalogue = a_catalogue(organisations=((APIKEY, an_organisation(lenient_json=True)),))
    async with api.client_of(api.an_application(database, catalogue), {}) as client:
        answer = (await client.post(PATH, content=f"data={faulty}", headers=FORM)).json()
    assert (answer["statuscode"], len(answer["warnings"])) == ("001", 1)
    async with database.connection() as connection:
        assert [row["warnings"] for row in await connection.fetch("select warnings from push")] == [answer["warnings"]]


async def test_an_unrepairable_document_is_told_where_it_is_beyond_repair(database):
    catalogue = a_catalogue(organisations=((APIKEY, an_organisation(lenient_json=True)),))
    faulty = a_document('\n{"name": Ram}').replace('"data": ', '"data"')
    async with api.client_of(api.an_application(database, catalogue), {}) as client:
        [error] = (await client.post(PATH, content=faulty)).json()["errors"]
    assert (error["code"], error["line"]) == ("malformed_json", 1)
    assert "beyond repair: line 2, column 10: " in error["message"]


async def test_a_long_document_is_repaired_beside_the_event_loop(database):
    catalogue = a_catalogue(organisations=((APIKEY, an_organisation(lenient_json=True)),))
    faulty = a_document(TRICKY + " " * 70_000).replace('"data": ', '"data"')
    async with api.client_of(api.an_application(database, catalogue, max_body=100_000), {}) as client:
        assert (await client.post(PATH, content=faulty)).json()["counts"]["created"] == 1


# Dry runs


async def test_a_dry_run_tells_what_would_be_and_stores_nothing(client, database):
    before = await stored(database)
    document = json.loads(a_document()) | {"dryrun": 1}
    document["data"] += [{"mobilenumber": "12"}, {"name": "nobody"}]
    answer = (await client.post(PATH, json=document)).json()
    assert (answer["method"], answer["statuscode"], answer["statusdesc"]) == ("ImportProcessData", "001", "success")
    assert [r["action"] for r in answer["results"]] == ["created", "stored_not_dialable", "rejected"]
    assert answer["results"][0]["dial_string"] == "08452892308"
    assert answer["results"][0]["verdicts"]
    assert await stored(database) == before == ([], [])


@pytest.mark.parametrize("value", ["yes", 2, "true", [], {}, 1.5])
async def test_a_dry_run_that_is_not_understood_rings_nobody(client, database, value):
    answer = (await client.post(PATH, json=json.loads(a_document()) | {"dryrun": value})).json()
    assert [(e["code"], e["field"]) for e in answer["errors"]] == [("invalid_field", "dryrun")]
    assert await stored(database) == ([], [])


@pytest.mark.parametrize("value", [0, "0", False, None, " "])
async def test_no_dry_run_is_a_push(client, database, value):
    answer = (await client.post(PATH, json=json.loads(a_document()) | {"dryrun": value})).json()
    assert answer["counts"]["created"] == 1


# Bodies that do not come, or come in masses


class Sent:
    """What a server would hand to the application, part by part, and what it got back."""

    def __init__(self, *parts: dict[str, Any], content_type: str = "application/json") -> None:
        self._parts = list(parts)
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()
        self.answer: dict[str, Any] = {}
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": PATH,
            "raw_path": PATH.encode(), "query_string": b"", "root_path": "", "scheme": "http",
            "headers": [(b"content-type", content_type.encode())],
            "client": ("192.0.2.1", 1), "server": ("leadline", 80),
        }  # fmt: skip

    async def receive(self) -> dict[str, Any]:
        if self._parts:
            return self._parts.pop(0)
        self.waiting.set()
        await self.go_on.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.answer = {"status": message["status"], "headers": dict(message["headers"])}
        else:
            self.answer["body"] = self.answer.get("body", b"") + message.get("body", b"")

    async def through(self, app: Any) -> "Sent":
        await app(self.scope, self.receive, self.send)
        return self


def a_part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_that_does_not_come_is_408(database):
    app = api.an_application(database, bodies=Bodies(1_000, 1_000, 0.01))
    sent = await Sent(a_part(b"{")).through(app)
    assert (sent.answer["status"], json.loads(sent.answer["body"])["code"]) == (408, "body_too_slow")
    assert sent.answer["headers"][b"connection"] == b"close"


async def test_a_body_that_does_not_even_begin_is_408_and_its_room_is_free_again(database):
    app = api.an_application(database, bodies=Bodies(1_000, 1_000, 0.01))
    for parts in ((), (a_part(b"x" * 1_000),), (a_part(b"x" * 1_000),)):
        assert (await Sent(*parts).through(app)).answer["status"] == 408
    assert (await Sent(a_part(b"x" * 1_000, more=False)).through(app)).answer["status"] == 200


async def test_a_body_whose_request_is_cancelled_is_not_answered(database):
    sent = Sent(a_part(b"{"))
    task = asyncio.create_task(sent.through(api.an_application(database)))
    await sent.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent.answer == {}


async def test_a_body_that_is_half_sent_stores_nothing(database):
    document = a_document().encode()
    sent = Sent(a_part(document[:-20]), {"type": "http.disconnect"})
    await sent.through(api.an_application(database))
    assert (sent.answer["status"], json.loads(sent.answer["body"])["code"]) == (400, "half_sent")
    assert await stored(database) == ([], [])


async def test_what_is_in_flight_is_bounded_and_free_again_once_answered(database):
    bodies = Bodies(1_000, 2_500, 60)
    app = api.an_application(database, bodies=bodies)
    slow = [Sent(a_part(b"x" * 1_000)) for _ in range(2)]
    tasks = [asyncio.create_task(sent.through(app)) for sent in slow]
    for sent in slow:
        await sent.waiting.wait()
    refused = await Sent(a_part(b"x" * 501, more=False)).through(app)
    assert (refused.answer["status"], refused.answer["headers"][b"retry-after"]) == (503, b"1")
    assert json.loads(refused.answer["body"])["code"] == "overloaded"
    assert (await Sent(a_part(b"x" * 500, more=False)).through(app)).answer["status"] == 200
    for sent in slow:
        sent.go_on.set()
    await asyncio.gather(*tasks)
    assert [sent.answer["status"] for sent in slow] == [200, 200]
    assert (await Sent(a_part(b"x" * 1_000, more=False)).through(app)).answer["status"] == 200


async def test_a_largest_body_is_taken_whatever_may_be_in_flight(database):
    app = api.an_application(database, bodies=Bodies(1_000, 10, 60))
    assert (await Sent(a_part(b"x" * 1_000, more=False)).through(app)).answer["status"] == 200


async def test_a_declared_length_that_no_machine_holds_is_413(database):
    for length in (b"1001", b"9" * 19, b"9" * 5_000):
        sent = Sent(a_part(b"x" * 1_001))
        sent.scope["headers"].append((b"content-length", length))
        await sent.through(api.an_application(database, bodies=Bodies(1_000, 1_000, 60)))
        assert sent.answer["status"] == 413


# Keys


async def test_the_21st_unknown_key_of_a_minute_is_429_and_a_good_key_is_never_slowed(client):
    unknown = a_push(apikey="nobody")
    for _ in range(20):
        assert (await client.post(PATH, content=unknown)).json()["statuscode"] == "1107"
    for _ in range(2):
        answer = await client.post(PATH, content=unknown)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_unknown_keys")
        assert int(answer.headers["retry-after"]) >= 1
    assert (await client.post(PATH, content=a_document())).json()["statuscode"] == "001"


async def test_the_rate_of_a_key_is_limited_here_too(database):
    async with api.client_of(api.an_application(database, rate=2), {}) as client:
        statuses = [(await client.post(PATH, content=a_document())).status_code for _ in range(3)]
        answer = await client.get(PATH, params={"data": a_document()})
    assert statuses == [200, 200, 429]
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "ratelimit" in answer.headers
