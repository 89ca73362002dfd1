"""Idempotency, at both doors: the same key and body get the stored answer, byte for byte, and store nothing again."""

import asyncio
from datetime import timedelta

import pytest
from api import a_rest_push, an_application, client_of
from stored import every_table

from builders import NUMBER, FixedClock, a_push
from leadline.store import answers
from leadline.web.vendor import PATH

JSON = {"Content-Type": "application/json"}
V1 = "/v1/leads:push"


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def client(database, clock):
    async with client_of(an_application(database, clock=clock)) as client:
        yield client


async def test_the_vendors_answer_is_given_again_byte_for_byte_and_nothing_is_stored(client, database, clock):
    body = a_push(requestid="r1", verbose="1")
    first = await client.post(PATH, content=body, headers=JSON)
    before = await every_table(database)
    clock.time += timedelta(hours=23)
    again = await client.post(PATH, content=body, headers=JSON)
    assert again.content == first.content
    assert first.json()["counts"]["created"] == 1
    assert await every_table(database) == before


async def test_another_body_under_the_same_requestid_is_refused_and_nothing_stored(client, database):
    await client.post(PATH, content=a_push(requestid="r1"), headers=JSON)
    before = await every_table(database)
    answer = (
        await client.post(PATH, content=a_push({"mobilenumber": "9820012345"}, requestid="r1"), headers=JSON)
    ).json()
    assert (answer["status"], answer["errors"][0]["code"]) == (5, "request_id_reused")
    assert answer["errors"][0]["field"] == "requestid"
    assert await every_table(database) == before


async def test_after_a_day_the_key_is_free_again(client, database, clock):
    body = a_push(requestid="r1")
    await client.post(PATH, content=body, headers=JSON)
    clock.time += timedelta(hours=24)
    assert (await client.post(PATH, content=body, headers=JSON)).json()["counts"]["unchanged"] == 1
    clock.time += timedelta(hours=25)
    async with database.connection() as connection:
        assert await answers.forget(connection, clock.now()) == 1
        assert await answers.forget(connection, clock.now()) == 0


async def test_requests_at_once_with_one_key_are_one_push(client, database):
    body = a_push({"mobilenumber": NUMBER}, {"mobilenumber": "12"}, requestid="r1", verbose="1")
    got = await asyncio.gather(*(client.post(PATH, content=body, headers=JSON) for _ in range(8)))
    assert len({answer.content for answer in got}) == 1
    assert len((await every_table(database))["push"]) == 1


async def test_the_modern_door_says_409_while_the_first_is_still_running(client, database):
    body = a_rest_push({"mobilenumber": NUMBER})
    headers = {"Idempotency-Key": "k1"}
    async with database.transaction() as connection:
        assert await answers.lock(connection, 1, "v1", "k1", wait=False)
        answer = await client.post(V1, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "still_running")
        assert answer.headers["retry-after"] == "1"
    first = await client.post(V1, json=body, headers=headers)
    again = await client.post(V1, json=body, headers=headers)
    assert (first.status_code, again.content) == (200, first.content)
    other = await client.post(V1, json=a_rest_push({"mobilenumber": "9820012345"}), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_push_of_which_nothing_was_accepted_is_refused_the_same_again(client, database):
    headers = {"Idempotency-Key": '"k2"'}
    first = await client.post(V1, json=a_rest_push({"fname": "nobody"}), headers=headers)
    again = await client.post(V1, json=a_rest_push({"fname": "nobody"}), headers=headers)
    assert first.status_code == again.status_code == 422
    assert again.json()["requestid"] == first.json()["requestid"] == "k2"
    assert len((await every_table(database))["push"]) == 1


async def test_the_doors_do_not_share_their_keys(client):
    assert (await client.post(PATH, content=a_push(requestid="same"), headers=JSON)).json()["counts"]["created"] == 1
    answer = await client.post(V1, json=a_rest_push({"mobilenumber": NUMBER}), headers={"Idempotency-Key": "same"})
    assert answer.status_code == 200
