"""openapi.json: schemathesis finds no fault with it, nothing in it is stale, its page loads nothing from elsewhere."""

import asyncio
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from api import AS_ACME, a_rest_push, an_application, client_of

from builders import SERVICEKEY
from leadline.web import shapes
from leadline.web.openapi import EXAMPLES, READ, REFUSALS, REMOVED, TOLD
from leadline.web.problems import TITLES
from leadline.web.server import HttpServer, listen, url_of

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXAMPLES_OF_EACH = 8
"""That schemathesis makes up of an operation, beside those that cover its description."""


async def described(database) -> dict:
    async with client_of(an_application(database), headers={}) as client:
        return (await client.get("/openapi.json")).json()


@pytest.mark.timeout(600)  # on a busy machine; alone it takes half a minute
async def test_schemathesis_finds_no_fault(database, tmp_path):
    app = an_application(database)
    async with database.connection() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('Acme', '', 'UTC')")
        await connection.execute(
            "insert into process (organisation_id, servicekey, policy) values (1, $1, '{}')", SERVICEKEY
        )
    async with client_of(app) as client:
        for n in range(3):
            await client.post("/v1/leads:push", json=a_rest_push({"mobilenumber": f"845289230{n}"}, {}))
        document = (await client.get("/openapi.json")).json()
    # Nobody guesses a service key: of this one, schemathesis is told.
    document["components"]["schemas"]["Push"]["properties"]["servicekey"] = {"const": SERVICEKEY}
    for shape in ("Reschedule", "Close"):
        document["components"]["schemas"][shape]["properties"]["servicekey"] = {"const": SERVICEKEY}
        document["components"]["schemas"][shape]["required"] = ["servicekey"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    [listening] = listen("127.0.0.1", 0)
    server, url = HttpServer(listening), url_of("127.0.0.1", listening)
    await server.start(app)
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIGURATION, "run", "openapi.json",
        "--url", url, "--header", f"Authorization: {AS_ACME['Authorization']}", "--max-examples", str(EXAMPLES_OF_EACH),
        "--continue-on-failure", "--seed", "7", "--no-color",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said = (await run.communicate())[0].decode()
    finally:
        if run.returncode is None:
            run.kill()
            await run.wait()
        await server.stop()
    assert run.returncode == 0, said
    generated = re.search(r"(\d+) generated", said)
    assert generated is not None, said
    assert int(generated[1]) > 1_000, said
    assert f"Tested: {len(READ) + len(TOLD) + len(REMOVED) + 4}" in said, said


async def test_every_address_is_described_and_every_refusal_has_its_words(database):
    document = await described(database)
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {*READ, *TOLD, "/v1/leads:push", "/v1/leads:explain", "/healthz", "/readyz"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["operationId"]
            assert operation["security"] == ([{"apiKey": []}] if path.startswith("/v1/") else [])
            assert "200" in operation["responses"]
    assert {int(status) for status in document["components"]["responses"]} == set(REFUSALS)
    assert set(REFUSALS) <= set(TITLES)


async def test_every_reference_leads_somewhere(database):
    document = await described(database)
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert len(references) > 20
    for reference in references:
        node = document
        for step in reference.split("/"):
            node = node[step]


def test_every_example_of_a_body_is_one():
    assert set(EXAMPLES) == {operation.body for operation in TOLD.values() if operation.body is not None}
    for shape, example in EXAMPLES.items():
        assert isinstance(msgspec.convert(example, shape), shape)


async def test_the_example_of_a_push_is_a_push(database):
    document = await described(database)
    example = document["paths"]["/v1/leads:push"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert msgspec.convert(example, shapes.Push).servicekey == SERVICEKEY
    async with client_of(an_application(database)) as client:
        assert (await client.post("/v1/leads:push", json=example)).json()["counts"]["created"] == 1


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        self.loads += [tag] if "src" in given or tag in ("script", "link", "iframe") else []
        if tag not in ("meta", "link", "br", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def test_the_page_is_whole_and_loads_nothing(database):
    async with client_of(an_application(database), headers={}) as client:
        answer = await client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = _Page()
    page.feed(answer.text)
    assert page.open == []
    assert page.loads == []
    assert "url(" not in answer.text
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}
    document = await described(database)
    for path, methods in document["paths"].items():
        assert path in answer.text
        assert all(operation["operationId"] in page.ids for operation in methods.values())
    assert all(f"schema-{name}" in page.ids for name in document["components"]["schemas"])
