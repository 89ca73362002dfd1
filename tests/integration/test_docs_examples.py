"""Every example in docs/api.md and docs/push-data.md is sent, and answered as printed; `…` stands for anything."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from api import an_application, client_of

from builders import FixedClock
from leadline.web.vendor import PATH

DOCS = Path(__file__).parents[2] / "docs"
THEN = datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
"""When the examples are sent: ten o'clock in India."""
PLACEHOLDER = "…"


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def assert_as_printed(printed: Any, answered: Any, where: str = "answer") -> None:
    """The two are the same, but where the page prints `…`."""
    if isinstance(printed, dict) and isinstance(answered, dict):
        assert printed.keys() == answered.keys(), where
        for name, value in printed.items():
            assert_as_printed(value, answered[name], f"{where}.{name}")
    elif isinstance(printed, list) and isinstance(answered, list):
        assert len(printed) == len(answered), where
        for index, value in enumerate(printed):
            assert_as_printed(value, answered[index], f"{where}[{index}]")
    elif isinstance(printed, str) and PLACEHOLDER in printed:
        shape = ".*".join(map(re.escape, printed.split(PLACEHOLDER)))
        assert re.fullmatch(shape, answered, re.DOTALL), f"{where}: {answered!r} is not {printed!r}"
    else:
        assert printed == answered, where


@pytest.fixture
async def client(database):
    async with database.connection() as connection:
        await connection.execute(
            "insert into organisation (name, apikey_sha256, timezone) values ('Acme', '\\x01', 'Asia/Kolkata')"
        )
    async with client_of(an_application(database, clock=FixedClock(THEN))) as client:
        yield client


async def test_the_examples_of_the_api(client):
    found = blocks("api.md", "http")
    assert len(found) >= 10
    assert len(found) % 2 == 0, "each request is followed by its answer"
    for request, answer in zip(found[::2], found[1::2], strict=True):
        head, _, body = request.partition("\n\n")
        line, *headers = head.strip().splitlines()
        method, address = line.split(" ")
        given = dict(header.split(": ", 1) for header in headers)
        answered = await client.request(method, address, content=body or None, headers=given)
        status, _, printed = answer.partition("\n\n")
        assert status == f"HTTP/1.1 {answered.status_code}", f"{line}: {answered.text}"
        assert_as_printed(json.loads(printed), answered.json(), line)


async def test_the_examples_of_push_data(client):
    sent = compared = 0
    answered = None
    for block in blocks("push-data.md", "json"):
        document = json.loads(block)
        if "apikey" in document:
            answer = await client.post(PATH, content=block.encode(), headers={"Content-Type": "application/json"})
            answered, sent = answer.json(), sent + 1
        elif "resdatetime" in document:
            assert answered is not None, "an answer stands after its request"
            assert_as_printed(document, answered)
            compared += 1
        else:
            pytest.fail(f"neither a request (apikey) nor an answer (resdatetime), so nothing proves it: {block}")
    assert sent >= 1
    assert compared >= 1


@pytest.mark.parametrize(
    ("printed", "answered"),
    [({"a": 1}, {"a": 1, "b": 2}), ({"a": 1, "b": 2}, {"a": 1}), ([1], [1, 2]), ("x …", "y z"), (1, "1"), ({}, [])],
)
def test_what_differs_is_found(printed, answered):
    with pytest.raises(AssertionError):
        assert_as_printed(printed, answered)
