"""Keys with scopes, how much one caller may ask, and request ids in every answer and in the logs."""

from datetime import timedelta

import pytest
import structlog
from api import AS_ACME, a_rest_push, an_application, client_of

from builders import APIKEY, NUMBER, FixedClock, a_catalogue
from leadline.store import keys
from leadline.store.catalogue import CatalogueReader, key_hash
from leadline.store.keys import Grant, Scope
from leadline.web.limits import ADDRESSES, UNKNOWN_KEYS, RateLimit, UnknownKeys
from leadline.web.request_id import RequestIds

LEADS = "/v1/leads"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


# Scopes


@pytest.fixture
async def known(database):
    """Acme as it is stored, with a key that may only read and one that may only push."""
    async with database.transaction() as connection:
        await connection.execute(
            "insert into organisation (name, apikey_sha256, timezone) values ('Acme', $1, 'UTC')", key_hash(APIKEY)
        )
        for scope in Scope:
            assert await keys.add(connection, key_hash(scope), Grant(1, scope, frozenset({scope})), FixedClock().now())
        assert not await keys.add(connection, b"x", Grant(1, "pull", frozenset()), FixedClock().now())
    reader = CatalogueReader(database)
    await reader.refresh()
    return reader


@pytest.mark.parametrize(
    ("key", "pulls", "pushes"), [(APIKEY, 200, 422), ("pull", 200, 403), ("push", 403, 422), ("none", 401, 401)]
)
async def test_a_key_does_what_its_scopes_allow_and_nothing_else(database, known, key, pulls, pushes):
    async with client_of(an_application(database, known()), bearer(key)) as client:
        for path in ("/v1/leads", "/v1/push-log", "/v1/events"):
            assert (await client.get(path)).status_code == pulls
        for path in ("/v1/leads:push", "/v1/leads:explain"):
            answer = await client.post(path, json=a_rest_push({"mobilenumber": NUMBER}, servicekey="none"))
            assert answer.status_code == pushes
        if pulls == 403:
            assert (await client.get(LEADS)).json()["code"] == "scope_missing"


async def test_a_retired_key_is_unknown(database, known):
    async with database.transaction() as connection:
        assert await keys.retire(connection, 1, "pull", FixedClock().now())
        assert not await keys.retire(connection, 1, "pull", FixedClock().now())
    await known.refresh()
    async with client_of(an_application(database, known()), bearer("pull")) as client:
        assert (await client.get(LEADS)).status_code == 401


async def test_a_key_of_fewer_rights_is_no_api_key_of_the_vendors(known):
    assert known().organisation_of("push") is None
    assert known().organisation_of(APIKEY) is not None


# Unknown keys


async def test_the_21st_unknown_key_of_a_minute_is_429_and_a_good_key_is_never_slowed(database):
    clock = FixedClock()
    app = an_application(database, clock=clock)
    async with client_of(app) as client, client_of(app, address="192.0.2.2") as elsewhere:
        for n in range(UNKNOWN_KEYS):
            assert (await client.get(LEADS, headers=bearer(f"guess {n}"))).status_code == 401
            clock.time += timedelta(seconds=1)
        answer = await client.get(LEADS, headers=bearer("another"))
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_unknown_keys")
        assert answer.headers["retry-after"] == "40"
        assert (await client.get(LEADS)).status_code == 200
        assert (await client.get(LEADS, headers=bearer(""))).status_code == 401
        assert (await elsewhere.get(LEADS, headers=bearer("guess"))).status_code == 401
        clock.time += timedelta(seconds=40)
        assert (await client.get(LEADS, headers=bearer("another"))).status_code == 401
        assert (await client.get(LEADS, headers=bearer("and another"))).status_code == 429


def test_a_subscribers_ipv6_addresses_are_one_and_the_oldest_are_forgotten():
    clock = FixedClock()
    unknown = UnknownKeys(clock)
    for n in range(UNKNOWN_KEYS):
        unknown.note(f"2001:db8::{n:x}")
    assert unknown.refused("2001:db8::ffff") == 60
    assert unknown.refused("2001:db8:0:1::1") is None
    clock.time += timedelta(seconds=1)
    for n in range(2 * ADDRESSES):
        unknown.note(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert unknown.refused("2001:db8::ffff") is None


def test_a_mapped_ipv4_address_is_the_ipv4_address():
    unknown = UnknownKeys(FixedClock())
    for _ in range(UNKNOWN_KEYS):
        unknown.note("::ffff:192.0.2.1")
    assert unknown.refused("192.0.2.1") == 60
    assert unknown.refused("::ffff:192.0.2.2") is None


# Requests of one key


async def test_a_key_has_its_requests_a_second_and_is_told_what_is_left(database):
    clock = FixedClock()
    async with client_of(an_application(database, clock=clock, rate=2)) as client:
        answers = [await client.get(LEADS) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["ratelimit"] for answer in answers] == [
            '"key";r=1;t=1',
            '"key";r=0;t=1',
            '"key";r=0;t=1',
        ]
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"key";q=2;w=1'}
        assert (answers[2].headers["retry-after"], answers[2].json()["code"]) == ("1", "rate_limited")
        assert (await client.get("/healthz")).status_code == 200
        clock.time += timedelta(seconds=0.5)
        assert [(await client.get(LEADS)).status_code for _ in range(2)] == [200, 429]


async def test_refusals_tell_what_is_left_too(database):
    async with client_of(an_application(database, rate=5)) as client:
        answer = await client.get("/v1/leads/7")
        assert (answer.status_code, answer.headers["ratelimit"]) == (404, '"key";r=4;t=1')


async def test_without_a_limit_nothing_is_said_of_one(database):
    async with client_of(an_application(database)) as client:
        assert "ratelimit" not in (await client.get(LEADS)).headers


def test_keys_do_not_share_their_requests_and_a_clock_set_back_gives_none():
    clock = FixedClock()
    limit = RateLimit(clock, 1)
    assert [limit.take(key).granted for key in (b"a", b"a", b"b", b"b")] == [True, False, True, False]
    clock.time -= timedelta(hours=1)
    assert not limit.take(b"a").granted


# Request ids


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/leads/7", "/v1/nothing", "/healthz", "/docs", "/v1/leads:push"])
async def test_every_answer_has_an_id_the_callers_own_if_it_is_sane(database, path):
    async with client_of(an_application(database)) as client:
        made = [(await client.get(path)).headers["x-request-id"] for _ in range(2)]
        assert made[0] != made[1]
        assert (await client.get(path, headers={"X-Request-Id": "crm-7/a"})).headers["x-request-id"] == "crm-7/a"
        for insane in ("a" * 129, "a b", "<x>", 'a"b', ""):
            given = (await client.get(path, headers={"X-Request-Id": insane})).headers["x-request-id"]
            assert given.isalnum()
            assert len(given) == 32


async def test_what_is_logged_meanwhile_has_the_id():
    structlog.contextvars.clear_contextvars()  # what an earlier test bound is not the question
    seen = []

    async def app(scope, receive, send):
        seen.append(structlog.contextvars.get_contextvars())

    async def unused(*_):
        raise AssertionError

    await RequestIds(app)({"type": "http", "headers": [(b"x-request-id", b"mine")]}, unused, unused)
    assert seen == [{"request_id": "mine"}]
    assert structlog.contextvars.get_contextvars() == {}


def test_the_key_of_these_tests_is_the_organisations():
    assert a_catalogue().organisation_of(AS_ACME["Authorization"].removeprefix("Bearer "))
