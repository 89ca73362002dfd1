"""`/v1/push-log`: every push, newest first, with what was refused of it, verbatim."""

from datetime import timedelta

import pytest
from api import a_rest_push, an_application, client_of
from intake_front import Front

from builders import NUMBER, FixedClock, a_catalogue, a_process, an_organisation
from leadline.intake.retention import Retention

OTHER = {"Authorization": "Bearer other_org"}


@pytest.fixture
async def client(database):
    acme = (a_process(), a_process(id=2, servicekey="Second"))
    foreign = a_process(id=3, organisation_id=2, servicekey="Foreign")
    known = a_catalogue(*acme, foreign, organisations=(("other_org", an_organisation(id=2, name="Other")),))
    async with client_of(an_application(database, known)) as client:
        yield client


async def push(client, *records, **fields):
    return (await client.post("/v1/leads:push", json=a_rest_push(*records, **fields))).json()


async def test_a_push_is_told_with_what_was_refused_verbatim(client):
    refused = {"FName": " nobody ", "extra": [1, {"a": None}]}
    answer = await push(client, {"mobilenumber": NUMBER}, refused)
    page = (await client.get("/v1/push-log")).json()
    assert page["next"] is None
    (logged,) = page["items"]
    assert logged.pop("at") == "2026-11-24T06:30:00Z"
    (rejected,) = logged.pop("rejected")
    assert rejected.pop("message") == answer["results"][1]["message"]
    assert rejected == {"index": 1, "code": "missing_key", "field": "mobilenumber", "record": refused}
    assert logged["counts"] == {"created": 1, "rejected": 1}
    assert {name: logged[name] for name in ("id", "transport", "requestid", "servicekey", "warnings")} == {
        "id": 1, "transport": "v1", "requestid": answer["requestid"], "servicekey": "VoiceProcess", "warnings": [],
    }  # fmt: skip
    assert logged["request"] == {"media": 12, "updateparam": "mobilenumber", "reqdatetime": "2026-11-24T06:30:00Z"}


async def test_what_a_push_says_for_all_of_its_records_is_told_and_means_the_same_when_it_is_said_again(
    client, database
):
    front = Front(database)
    said = {
        "Media": "11", "UpdateParam": "CustomerCode", "reqdatetime": "2026-11-24 11:59:59.5", "call_type": " 21 ",
        "calldatetime": "2026-11-24 15:00:00", "expirydatetime": "9999-12-31 23:59:59",
        "userlogin": "Asha@Acme.example", "media": ..., "updateparam": ...,
    }  # fmt: skip
    await front.push({"customercode": "1", "mobilenumber": NUMBER}, **said)
    (logged,) = (await client.get("/v1/push-log")).json()["items"]
    assert logged["request"] == {
        "media": 11, "updateparam": "customercode", "reqdatetime": "2026-11-24T06:29:59.500000Z", "calltype": " 21 ",
        "calldatetime": "2026-11-24T09:30:00Z", "expirydatetime": "9999-12-30T00:00:00Z",
        "userlogin": "Asha@Acme.example",
    }  # fmt: skip
    await front.push({"customercode": "2", "mobilenumber": NUMBER}, **logged["request"])
    own = ("id", "customercode")
    one, other = ({name: row[name] for name in row if name not in own} for row in await front.rows("lead"))
    assert one == other
    again, first = (await client.get("/v1/push-log")).json()["items"]
    assert again["request"] == first["request"]


@pytest.mark.parametrize("value", ["\0", "\ud800", {"a": [1]}, 10**400])
async def test_a_default_that_no_record_can_take_is_told_and_refuses_the_same_when_it_is_said_again(
    client, database, value
):
    front = Front(database)
    for node in ("calltype", "userlogin"):
        assert (await front.push(**{node: value}))["counts"]["rejected"] == 1
        request = (await client.get("/v1/push-log")).json()["items"][0]["request"]
        assert (await front.push(**request))["counts"]["rejected"] == 1


async def test_pages_follow_one_another_newest_first_through_any_filter(client, database):
    for n in range(6):
        record = {"mobilenumber": f"84528923{n:02}"} if n % 2 else {}
        await push(client, record, {"mobilenumber": NUMBER}, servicekey="Second" if n < 4 else "VoiceProcess")
    await Front(database).push({"mobilenumber": NUMBER})

    async def all_of(**query):
        seen, cursor = [], None
        while cursor is not None or not seen:
            page = (
                await client.get("/v1/push-log", params=query | {"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            seen += [logged["id"] for logged in page["items"]]
            cursor = page["next"]
        return seen

    assert await all_of() == [7, 6, 5, 4, 3, 2, 1]
    assert await all_of(rejected=1) == [5, 3, 1]
    assert await all_of(servicekey="Second") == [4, 3, 2, 1]
    assert await all_of(servicekey="Second", rejected=1) == [3, 1]


async def test_another_organisations_pushes_are_not_there(client):
    await push(client, {"mobilenumber": NUMBER})
    assert (await client.get("/v1/push-log", headers=OTHER)).json() == {"items": [], "next": None}
    answer = await client.get("/v1/push-log?servicekey=Second", headers=OTHER)
    assert (answer.status_code, answer.json()["code"]) == (404, "service_key_not_found")


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("rejected=maybe", "invalid_parameter", "rejected"),
        ("cursor=0", "invalid_parameter", "cursor"),
        ("limit=501", "invalid_parameter", "limit"),
        ("reject=1", "unknown_parameter", "reject"),
    ],
)
async def test_a_wrong_parameter_is_named(client, query, code, field):
    answer = await client.get(f"/v1/push-log?{query}")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field)


async def test_a_misspelled_parameter_is_answered_with_the_nearest(client):
    assert "did you mean rejected?" in (await client.get("/v1/push-log?reject=1")).json()["detail"]


async def test_the_log_is_kept_as_long_as_the_setting_says(database):
    clock = FixedClock()
    await Front(database).push({"fname": "nobody"})
    retention = Retention(database, clock, push_log_days=90)
    clock.time += timedelta(days=89)
    assert await retention.sweep() == 0
    clock.time += timedelta(days=2)
    assert await retention.sweep() == 1
    assert await retention.sweep() == 0
