"""`/v1/agents` and the agents' word for a lead, over HTTP: what is done, and what is refused with its remedy."""

import pytest
from api import an_application, client_of

from builders import a_lead, insert
from integration.staff import hire

ASHA = "asha@acme.example"


@pytest.fixture
async def client(database):
    async with client_of(an_application(database)) as client:
        yield client


async def test_an_agent_is_made_ready_and_listed(client, database):
    await hire(database, "asha", presence="logged_out")
    answer = await client.post(f"/v1/agents/{ASHA.upper()}/presence", json={"presence": "ready"})
    assert (answer.status_code, answer.json()["presence"]) == (200, "ready")
    (agent,) = (await client.get("/v1/agents")).json()["items"]
    assert (agent["login"], agent["presence"], agent["attempt"]) == (ASHA, "ready", None)
    assert (await client.get(f"/v1/agents/{ASHA}/offers")).json() == {"items": []}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (f"/v1/agents/{ASHA}/presence", {"presence": "on_call"}, 422, "invalid_field"),
        (f"/v1/agents/{ASHA}/presence", {"presence": "ready", "x": 1}, 422, "invalid_field"),
        (f"/v1/agents/{ASHA}/presence", b"{", 400, "malformed_json"),
        ("/v1/agents/nobody/presence", {"presence": "ready"}, 404, "unknown_user"),
        ("/v1/agents/bela@acme.example/presence", {"presence": "ready"}, 409, "not_possible"),
        ("/v1/agents/cara@acme.example/presence", {"presence": "ready"}, 409, "illegal_move"),
        ("/v1/leads/1/dial", {"login": ASHA}, 404, "lead_not_found"),
        ("/v1/leads/1/skip", {"login": ASHA}, 404, "lead_not_found"),
        ("/v1/leads/7/dial", {"login": ASHA}, 409, "not_possible"),
        ("/v1/leads/7/skip", {"login": ASHA}, 409, "not_possible"),
        ("/v1/leads/7/dial", {}, 422, "invalid_field"),
    ],
)
async def test_what_cannot_be_is_refused(client, database, path, body, status, code):
    await hire(database, "asha")
    await hire(database, "bela", endpoint=None)
    await hire(database, "cara", presence="on_call")
    async with database.transaction() as connection:
        await insert(connection, [a_lead()])
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await client.post(path, **sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["detail"]) > 20


async def test_another_organisation_sees_and_moves_nobody(client, database):
    await hire(database, "asha", organisation=2)
    assert (await client.get("/v1/agents")).json() == {"items": []}
    assert (await client.post(f"/v1/agents/{ASHA}/presence", json={"presence": "paused"})).status_code == 404


async def test_a_preview_is_picked_and_skipped(client, database):
    await hire(database, "asha")
    async with database.transaction() as connection:
        await insert(connection, [a_lead(calltype=71)])
    answer = await client.post("/v1/leads/7/dial", json={"login": ASHA})
    assert (answer.status_code, answer.json()["state"]) == (200, "offered")
    ((offer,),) = (await client.get(f"/v1/agents/{ASHA}/offers")).json().values()
    assert (offer["lead_id"], offer["agreed"]) == (7, True)
    skipped = await client.post("/v1/leads/7/skip", json={"login": ASHA})
    assert (skipped.status_code, skipped.json()["state"]) == (200, "scheduled")
