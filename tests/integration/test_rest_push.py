"""`/v1/leads:push` and `/v1/leads:explain`: real statuses, problem documents, one intake behind both doors."""

import json

import httpx
import pytest
from api import AS_ACME, MAX_BODY, a_rest_push, an_application, client_of
from intake_front import Front
from stored import every_table

from builders import NOON, NUMBER, a_catalogue, a_process, an_organisation
from leadline.domain.errors import DatabaseUnavailable, Overloaded
from leadline.domain.flow import Flow, Say

PUSH, EXPLAIN = "/v1/leads:push", "/v1/leads:explain"
GOOD, BAD = {"mobilenumber": NUMBER, "fname": "Grace"}, {"fname": "nobody"}


@pytest.fixture
async def client(database):
    async with client_of(an_application(database)) as client:
        yield client


def assert_problem(answer: httpx.Response, status: int, code: str, field: str | None) -> dict:
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem.get("field") == field
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert problem["title"] != "Error"
    return problem


async def test_a_push_is_stored_and_every_record_answered(client, database):
    answer = await client.post(PUSH, json=a_rest_push(GOOD))
    assert answer.status_code == 200
    document = answer.json()
    assert document.pop("requestid")
    assert document == {
        "counts": {"created": 1, "updated": 0, "unchanged": 0, "stored_not_dialable": 0, "rejected": 0},
        "results": [
            {"index": 0, "leadid": 1, "action": "created", "code": None, "field": None, "message": None,
             "retryable": False}
        ],
        "warnings": [],
    }  # fmt: skip
    lead = await Front(database).lead()
    assert (lead["fname"], lead["scheduled_by"], lead["due_at"]) == ("Grace", NOON, NOON)


async def test_it_is_the_same_intake_as_the_vendors(client, database):
    await Front(database).push(GOOD, reqdatetime="2026-11-24 11:00:00")
    answer = await client.post(PUSH, json=a_rest_push(GOOD))
    assert answer.json()["counts"]["unchanged"] == 1


async def test_whatever_holds_for_all_records_is_translated(client, database):
    fields = {
        "reqdatetime": "2026-11-24T06:00:00Z", "calltype": "21", "calldatetime": "2026-11-25 10:00:00",
        "expirydatetime": "2026-11-26 10:00:00", "userlogin": "asha@acme.example", "verbose": False,
        "requestid": "r-1",
    }  # fmt: skip
    answer = await client.post(PUSH, json=a_rest_push(GOOD, **fields))
    assert answer.json() | {"counts": None} == {"requestid": "r-1", "counts": None, "results": [], "warnings": []}
    lead = await Front(database).lead()
    assert (lead["calltype"], lead["userlogin"]) == (21, "asha@acme.example")
    assert [lead[name].isoformat() for name in ("scheduled_by", "call_at", "expires_at")] == [
        "2026-11-24T06:00:00+00:00", "2026-11-25T04:30:00+00:00", "2026-11-26T04:30:00+00:00",
    ]  # fmt: skip


async def test_some_rejected_is_200_and_all_rejected_is_422(client):
    answer = await client.post(PUSH, json=a_rest_push(GOOD, BAD, 7))
    assert answer.status_code == 200
    assert [result["code"] for result in answer.json()["results"]] == [None, "missing_key", "not_an_object"]
    assert "element of records" in answer.json()["results"][2]["message"]

    problem = assert_problem(await client.post(PUSH, json=a_rest_push(BAD, 7)), 422, "no_record_accepted", None)
    assert [(error["index"], error["code"]) for error in problem["errors"]] == [
        (0, "missing_key"),
        (1, "not_an_object"),
    ]
    assert problem["counts"]["rejected"] == 2
    assert problem["requestid"]


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"servicekey": "none"}, "1108", "servicekey"),
        ({"servicekey": "Foreign"}, "1243", "servicekey"),
        ({"media": ...}, "18", "media"),
        ({"media": " "}, "19", "media"),
        ({"media": 13}, "17", "media"),
        ({"updateparam": ...}, "24", "updateparam"),
        ({"updateparam": "name"}, "26", "updateparam"),
        ({"reqdatetime": "yesterday"}, "16", "reqdatetime"),
        ({"records": ...}, "14", "records"),
        ({"records": []}, "14", "records"),
        ({"records": [{}] * 10_001}, "too_many_records", "records"),
        ({"requestid": "a\0"}, "invalid_field", "requestid"),
        ({"verbose": "loud"}, "invalid_field", "verbose"),
        ({"dryrun": 1}, "unknown_field", "dryrun"),
        ({"recrods": []}, "unknown_field", "recrods"),
        ({"apikey": "x"}, "unknown_field", "apikey"),
    ],
)
async def test_a_wrong_field_is_422_and_named(database, fields, code, field):
    foreign = a_process(id=2, organisation_id=2, servicekey="Foreign")
    known = a_catalogue(a_process(), foreign, organisations=(("other", an_organisation(id=2, name="Other")),))
    async with client_of(an_application(database, known)) as client:
        for path in (PUSH, EXPLAIN):
            body = a_rest_push(GOOD, **fields)
            problem = assert_problem(await client.post(path, json=body), 422, code, field)
            (error,) = problem["errors"]
            assert error == {"code": code, "field": field, "message": problem["detail"]}
            assert "data" not in problem["detail"]
    assert await Front(database).rows("lead") == []


@pytest.mark.parametrize(
    "body", [b'{"media": 12,\n}', b"[]", b"", b'{"media": NaN}', b'\xff{"media": 12}', b"[" * 40_000]
)
async def test_malformed_json_is_400_with_its_place(client, body):
    problem = assert_problem(await client.post(PUSH, content=body), 400, "malformed_json", None)
    (error,) = problem["errors"]
    assert error["line"] >= 1
    assert error["column"] >= 1


async def test_the_place_of_a_fault_is_where_it_is(client):
    problem = (await client.post(PUSH, content=b'{"media": 12,\n "records" []}')).json()
    assert [(error["line"], error["column"]) for error in problem["errors"]] == [(2, 12)]


async def test_large_bodies_and_other_types_are_refused_by_status(client):
    answer = await client.post(PUSH, content=b" " * (MAX_BODY + 1))
    assert_problem(answer, 413, "body_too_large", None)
    answer = await client.post(PUSH, content=b"<push/>", headers={"Content-Type": "application/xml"})
    assert_problem(answer, 415, "unsupported_media_type", None)
    answer = await client.get(PUSH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_process_that_speaks_needs_a_subscription(database):
    speaking = a_process(flow=Flow("f", "s", {"s": Say({"": "hello"}, "s")}))
    known = a_catalogue(speaking)
    known.organisations[1] = an_organisation(tts_until=None)
    async with client_of(an_application(database, known)) as client:
        for path in (PUSH, EXPLAIN):
            assert_problem(await client.post(path, json=a_rest_push(GOOD)), 422, "tts_not_subscribed", "servicekey")


@pytest.mark.parametrize("sent", ["8e03978e", '"8e03978e"'])
async def test_an_idempotency_key_names_the_push(client, database, sent):
    answer = await client.post(PUSH, json=a_rest_push(GOOD), headers={"Idempotency-Key": sent})
    assert answer.json()["requestid"] == "8e03978e"
    (row,) = await Front(database).rows("push")
    assert (row["requestid"], row["transport"]) == ("8e03978e", "v1")


async def test_names_of_fields_are_matched_as_the_vendors_are(client):
    body = {f" {name.upper()} ": value for name, value in a_rest_push(GOOD).items()}
    assert (await client.post(PUSH, json=body)).status_code == 200


async def test_trying_a_push_tells_all_and_stores_nothing(client, database):
    before = await every_table(database)
    answer = await client.post(EXPLAIN, json=a_rest_push(GOOD, BAD))
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert (first["action"], first["due_at"], first["trunk"]) == ("created", "2026-11-24T06:30:00Z", "telco")
    assert first["verdicts"][0]["rule"] == "voice"
    assert (second["action"], second["code"], second["verdicts"]) == ("rejected", "missing_key", [])
    assert await every_table(database) == before


async def test_a_stored_lead_is_explained(client):
    await client.post(PUSH, json=a_rest_push(GOOD, calldatetime="2026-11-24 15:00:00"))
    answer = (await client.get("/v1/leads/1/explain")).json()
    assert (answer["state"], answer["due_at_local"]) == ("scheduled", "2026-11-24T15:00:00+05:30")
    assert_problem(await client.get("/v1/leads/2/explain"), 404, "lead_not_found", "lead_id")


async def test_without_a_key_the_body_is_not_looked_at(database):
    async with client_of(an_application(database), headers={}) as client:
        assert_problem(await client.post(PUSH, content=b"{"), 401, "api_key_not_found", "authorization")


@pytest.mark.parametrize("error", [Overloaded("too much"), DatabaseUnavailable("away")])
async def test_what_may_be_sent_again_is_503_with_retry_after(client, monkeypatch, error):
    async def refusing(*_: object) -> None:
        raise error

    monkeypatch.setattr("leadline.intake.command.Intake.take", refusing)
    answer = await client.post(PUSH, json=a_rest_push(GOOD))
    assert_problem(answer, 503, error.code, None)
    assert answer.headers["retry-after"] == "1"


async def test_a_fault_of_ours_is_a_problem_with_the_requests_id(database, monkeypatch):
    async def broken(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("leadline.intake.rest.RestIntake.push", broken)
    async with client_of(an_application(database), AS_ACME | {"X-Request-Id": "mine-1"}) as client:
        answer = await client.post(PUSH, json=a_rest_push(GOOD))
        assert answer.headers["x-request-id"] == "mine-1"
        problem = assert_problem(answer, 500, "internal_error", None)
        assert "RuntimeError" not in json.dumps(problem)
