"""HTTP, on a real PostgreSQL: the vendor's endpoint, reading back, refusals, and an organisation's rows its own."""

from collections.abc import AsyncIterator
from datetime import datetime

import api
import httpx
import pytest

from builders import APIKEY, a_catalogue, a_process, a_push, an_organisation
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import Database
from leadline.web.vendor import PATH

OTHER = "other_org"
AS_ACME = {"Authorization": f"Bearer {APIKEY}"}
JSON = {"Content-Type": "application/json"}


def an_application(database: Database, missing: dict[str, str] | None = None):
    second = an_organisation(id=2, name="Other", logins=frozenset())
    known = a_catalogue(a_process(), a_process(id=2, servicekey="Second"), organisations=((OTHER, second),))
    return api.an_application(database, known, missing=missing, max_body=10_000)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_application(database))
    async with httpx.AsyncClient(transport=transport, base_url="http://leadline", headers=AS_ACME) as client:
        yield client


async def push(client: httpx.AsyncClient, *records, **nodes) -> list[int]:
    answer = await client.post(PATH, content=a_push(*records, verbose="1", **nodes), headers=JSON)
    return [result["leadid"] for result in answer.json()["results"]]


async def test_a_push_is_answered_with_200_even_if_it_is_refused(client):
    answer = await client.post(PATH, content=a_push(), headers=JSON)
    assert (answer.status_code, answer.json()["statuscode"]) == (200, "001")
    answer = await client.post(PATH, content=b"{", headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (200, 5)
    assert answer.json()["errors"][0]["code"] == "malformed_json"


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", None])
async def test_json_is_read_whatever_it_is_called(client, kind):
    headers = {"Content-Type": kind} if kind else {}
    assert (await client.post(PATH, content=a_push(), headers=headers)).json()["statuscode"] == "001"


async def test_other_content_types_and_large_bodies_are_refused_by_status(client):
    answer = await client.post(PATH, content=a_push(), headers={"Content-Type": "application/xml"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    answer = await client.post(PATH, content=b" " * 10_001, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    async def parts():
        for _ in range(11):
            yield b" " * 1_000

    assert (await client.post(PATH, content=parts(), headers=JSON)).status_code == 413


async def test_a_lead_is_read_back_with_all_that_the_interface_names(client):
    record = {"mobilenumber": "08452892308", "fname": "Grace", "customercode": "7", "policy": "gold", "calltype": "5"}
    (lead_id,) = await push(client, record)
    lead = (await client.get(f"/v1/leads/{lead_id}")).json()
    assert lead.items() >= {
        "id": lead_id, "servicekey": "VoiceProcess", "media": 12, "calltype": 5, "status": 5, "state": "scheduled",
        "closed_reason": None, "opening": 1, "number": "+918452892308", "name": None, "fname": "Grace", "lname": None,
        "emailid": None, "customercode": "7", "leadnumber": None, "language": None, "userlogin": None,
        "fields": {"policy": "gold"}, "attempts": [],
    }.items()  # fmt: skip
    assert all(datetime.fromisoformat(lead[name]).tzinfo for name in ("due_at", "created_at", "updated_at"))
    timeline = (await client.get(f"/v1/leads/{lead_id}/timeline")).json()["items"]
    assert [(event["kind"], event["seq"]) for event in timeline] == [("lead.created", 1), ("lead.scheduled", 2)]
    assert all(datetime.fromisoformat(event["at"]).tzinfo for event in timeline)


async def test_leads_are_found_by_any_spelling_of_their_keys(client):
    lead_id, _ = await push(client, {"mobilenumber": "08452892308", "customercode": "7"}, {"mobilenumber": "12"})
    for query in ({"mobilenumber": "+91 8452892308"}, {"mobilenumber": "00918452892308"}, {"customercode": "7"}):
        found = (await client.get("/v1/leads", params=query)).json()
        assert [lead["id"] for lead in found["items"]] == [lead_id]
    closed = (await client.get("/v1/leads", params={"state": "closed"})).json()["items"]
    assert [lead["closed_reason"] for lead in closed] == ["not_dialable"]
    none = await client.get("/v1/leads", params={"servicekey": "Second"})
    assert none.json() == {"items": [], "next": None}


async def test_pages_follow_one_another_newest_first(client):
    pushed = await push(client, *({"mobilenumber": f"84528923{n:02}"} for n in range(5)))
    seen, cursor = [], None
    while cursor is not None or not seen:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/leads", params=query)).json()
        seen += [lead["id"] for lead in page["items"]]
        cursor = page["next"]
    assert seen == pushed[::-1]


async def test_leads_are_found_by_the_crms_own_key_however_it_is_written_where_that_is_the_number(database):
    known = a_catalogue(a_process(crm_unique_field=" MobileNumber "))
    async with api.client_of(api.an_application(database, known)) as client:
        (pushed,) = await push(client, {"mobilenumber": "8452892308"})
        for written in ("08452892308", "%2B918452892308", "8452892308"):
            found = (await client.get(f"/v1/leads?crmuniquefield={written}")).json()["items"]
            assert [lead["id"] for lead in found] == [pushed]


async def test_another_organisations_leads_are_not_there(client):
    (lead_id,) = await push(client)
    other = {"Authorization": f"Bearer {OTHER}"}
    for path in (f"/v1/leads/{lead_id}", f"/v1/leads/{lead_id}/timeline", "/v1/leads?servicekey=VoiceProcess"):
        answer = await client.get(path, headers=other)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/v1/leads", headers=other)).json()["items"] == []


@pytest.mark.parametrize(
    "headers", [{"Authorization": ""}, {"Authorization": "Bearer no"}, {"Authorization": "Basic x"}]
)
async def test_without_a_key_nothing_is_said(client, headers):
    answer = await client.get("/v1/leads", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/v1/leads/0", 400, "lead_id"),
        ("/v1/leads/99999999999999999999", 400, "lead_id"),
        ("/v1/leads/x", 400, "lead_id"),
        ("/v1/leads/1", 404, "lead_id"),
        ("/v1/leads?state=asleep", 400, "state"),
        ("/v1/leads?limit=0", 400, "limit"),
        ("/v1/leads?cursor=-1", 400, "cursor"),
        ("/v1/leads?servicekey=none", 404, "servicekey"),
        ("/v1/nothing", 404, None),
    ],
)
async def test_what_cannot_be_served_names_the_parameter(client, path, status, field):
    answer = await client.get(path)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"), [("customercode=a%00b", 400), ("mobilenumber=%00", 200), ("crmuniquefield=%ED%A0%80", 200)]
)
async def test_values_that_no_row_can_hold_find_nothing(client, query, status):
    assert (await client.get(f"/v1/leads?{query}")).status_code == status


async def test_a_database_that_is_away_is_503_with_retry_after(database: Database):
    class Away(Database):
        def connection(self):
            raise DatabaseUnavailable("PostgreSQL does not answer")

        transaction = connection

    transport = httpx.ASGITransport(an_application(Away("postgresql:///")))
    async with httpx.AsyncClient(transport=transport, base_url="http://leadline", headers=AS_ACME) as client:
        for answer in (
            await client.get("/v1/leads"),
            await client.post(PATH, content=a_push(), headers=JSON),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["code"] == "database_unavailable"


async def test_readyz_says_what_is_missing(database: Database):
    transport = httpx.ASGITransport(an_application(database, {"telephony": "the engine is down"}))
    async with httpx.AsyncClient(transport=transport, base_url="http://leadline") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["missing"]) == (503, {"telephony": "the engine is down"})
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/openapi.json")).json()["info"]["title"] == "Leadline"
