"""Whatever a client sends to the vendor's endpoint is answered, and nothing of it is a fault of ours."""

import json
from urllib.parse import quote

import api
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import APIKEY, a_catalogue, a_process, a_push, an_organisation
from fuzz.mutation import mutated, seeds
from leadline.store.database import Database
from leadline.web.vendor import PATH

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LENIENT = a_catalogue(a_process(), organisations=((APIKEY, an_organisation(lenient_json=True)),))


async def answered(client, document: bytes, method: str = "json") -> dict:
    if method == "query":
        answer = await client.get(f"{PATH}?data={quote(document[:20_000])}")
    elif method == "form":
        answer = await client.post(PATH, content=b"data=" + document, headers=FORM)
    else:
        answer = await client.post(PATH, content=document)
    assert answer.status_code in (200, 429), answer.text
    return answer.json()


@pytest.mark.parametrize("seed", range(2))
async def test_mutated_pushes_are_never_5xx(database: Database, seed):
    app = api.an_application(database, LENIENT, max_body=1 << 20)
    async with api.client_of(app, {}) as client:
        ways = ("json", "form", "query")
        codes = {
            (await answered(client, document, ways[n % 3])).get("statuscode")
            for n, document in enumerate(mutated(seeds(), 400, seed))
        }
        assert len(codes) > 5
        assert (await answered(client, a_push()))["statuscode"] == "001"


EVIL = {
    "nothing": b"",
    "a BOM alone": b"\xef\xbb\xbf",
    "two BOMs": b"\xef\xbb\xbf\xef\xbb\xbf{}",
    "UTF-16": a_push().decode().encode("utf-16"),
    "no UTF-8": a_push(name="\udcff").replace(b"\\udcff", b"\xff"),
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"data":' * 100_000,
    "nested in a record": a_push({"x": 0}).replace(b"0}", b"[" * 400 + b"]" * 400 + b"}"),
    "NaN": a_push({"mobilenumber": float("nan")}),
    "endless": a_push({"mobilenumber": float("inf")}),
    "1e999": a_push({"mobilenumber": 0}).replace(b"0}", b"1e999}"),
    "400 digits": a_push({"mobilenumber": 10**400, "x": 10**400}),
    "5,000 digits": a_push({"mobilenumber": 0}).replace(b"0}", b"9" * 5_000 + b"}"),
    "400 digits everywhere": a_push(
        dict.fromkeys(("calltype", "calldatetime", "userlogin", "language", "timezone", "name"), 10**400),
        **dict.fromkeys(("media", "updateparam", "reqdatetime", "requestid", "verbose", "dryrun"), 10**400),
    ),
    "NUL": a_push({"mobilenumber": "8\x00", "name": "\x00", "x\x00": "\x00"}, requestid="\x00"),
    "NUL in keys": a_push(apikey="\x00", servicekey="\x00"),
    "half a surrogate": a_push({"mobilenumber": "\ud800", "\udfff": "\ud800"}, requestid="\ud800"),
    "half a surrogate in every node": a_push(
        {"mobilenumber": "1", **dict.fromkeys(("name", "calltype", "calldatetime", "userlogin", "timezone"), "\ud800")},
        **dict.fromkeys(("method", "media", "updateparam", "reqdatetime"), "\ud800"),
    ),
    "a key of surrogates": a_push(apikey="\ud800"),
    "a service key of surrogates": a_push(servicekey="\ud800"),
    "the same node 10,000 times": a_push().replace(b'"media"', b'"media": 1, ' * 10_000 + b'"media"'),
    "containers for texts": a_push(
        {name: [{}] for name in ("mobilenumber", "name", "calltype", "calldatetime", "userlogin", "timezone")},
        **{name: {"a": []} for name in ("media", "updateparam", "reqdatetime", "requestid", "verbose", "dryrun")},
    ),
    "records of every kind": a_push(None, True, 1, "x", [], [[]], {}),
    "dates at both ends": a_push(
        {"mobilenumber": "1", "calldatetime": "0001-01-01 00:00:00", "expirydatetime": "9999-12-31 23:59:59"}
    ),
    "a long number": a_push({"mobilenumber": "9" * 100_000}),
    "a long word": b"a" * 500_000,
    "a long text without an end": b'{"a":"' + b"\\n" * 200_000,
    "missing commas": b'{"apikey":"test_org","data":[' + b"1 " * 100_000 + b"]}",
    "percent signs": b"%" * 300_000,
    "ampersands": b"&" * 300_000,
}


@pytest.mark.parametrize("document", EVIL.values(), ids=EVIL.keys())
async def test_the_worst_that_we_can_think_of_is_answered(database: Database, document):
    app = api.an_application(database, LENIENT, max_body=2 << 20)
    async with api.client_of(app, {}) as client:
        for way in ("json", "form", "query"):
            answer = await answered(client, document, way)
            assert answer["statuscode"] in {"001", "5", "14", "15", "16", "17", "19", "25", "26", "1107", "1108"}
            if answer.get("errors", [{}])[0].get("code") == "malformed_json":
                assert answer["errors"][0]["line"] >= 1


SIBLINGS = ("getProcessData", "reallocatedata", "userStatus", "saveDisposition", "customer_recording")
NODES = (
    "servicekey", "searchparam", "fromdate", "todate", "mobilenumber", "customercode", "crmuniquefield", "limit",
    "after", "contactnumber", "login", "calldatetime", "reqdatetime", "loginids", "dispomasterid", "disporeasonid",
    "remarks", "selecteddatetime", "contactvalue", "systemcallid", "media", "updateparam", "data", "dryrun",
    "requestid",
)  # fmt: skip
VALUES = (
    st.sampled_from(
        ["VoiceProcess", "daterange", "mobilenumber", "customercode", "crmuniquefield", "+918452892308", "8452892308",
         "asha@acme.example", "2026-11-24 12:00:00", "2026-11-24", "9999-12-31", "0001-01-01", "\x00", "\ud800",
         10**400, 1.5, -1, "1", True, None, "x" * 5_000, ["asha@acme.example", "\ud800"], [[]], {}, {"a": "\ud800"}]
    )
    | st.text(max_size=10)
    | st.integers()
)  # fmt: skip


@pytest.fixture
def lenient(database: Database):
    """One application for all examples: each has open files of its own, and a login may have no more than 1,024."""
    return api.an_application(database, LENIENT)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(("ImportProcessData", *SIBLINGS)), st.dictionaries(st.sampled_from(NODES), VALUES, max_size=9))
async def test_any_nodes_of_any_method_are_answered(lenient, method, nodes):
    document = json.dumps({"servicekey": "VoiceProcess"} | nodes | {"method": method, "apikey": APIKEY}).encode()
    async with api.client_of(lenient, {}) as client:
        await answered(client, a_push())
        answer = await answered(client, document)
    assert answer["method"] == method
