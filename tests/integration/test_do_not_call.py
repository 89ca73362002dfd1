"""Do-not-call lists on a real database: whose they are, how long they hold, who puts numbers on them and off them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from api import a_rest_push, an_application, client_of

from builders import NOON, NUMBER, FixedClock
from leadline.bootstrap import apply_configuration
from leadline.cli.do_not_call import Desk
from leadline.configuration.reading import read
from leadline.domain.do_not_call import DoNotCallList, Listing, Origin
from leadline.domain.errors import ConfigurationError
from leadline.domain.vendor import UpdateParameter
from leadline.intake.do_not_call import NoNumber
from leadline.settings import Settings
from leadline.store import do_not_call, matching
from leadline.store.catalogue import CatalogueReader, key_hash
from leadline.store.keys import Grant, Scope

CONFIGURATION = """
organisations:
  - name: Acme
    apikey: test_org
    timezone: Asia/Kolkata
    do_not_call: ["+919820000001"]
    processes: [{servicekey: VoiceProcess, flow: bye}, {servicekey: Other, flow: bye}]
trunks: [{name: telco, uri: "sip:{number}@127.0.0.1:5062"}]
flows: [{name: bye, nodes: {bye: {hangup: {outcome: done}}}}]
"""
LISTED_BY_FILE = "+919820000001"
OTHER = "+919820012345"


@pytest.fixture
async def applied(database, dsn, tmp_path):
    """Applies Acme's file, as it is or with something replaced; answers with the catalogue."""

    async def apply(*changes):
        text = CONFIGURATION
        for was, becomes in changes:
            text = text.replace(was, becomes)
        file = tmp_path / "leadline.yaml"
        file.write_text(text)
        await apply_configuration(dsn, read(file, {}))
        reader = CatalogueReader(database)
        await reader.refresh()
        return reader()

    return apply


@pytest.fixture
async def client(database, applied):
    async with client_of(an_application(database, await applied(), clock=FixedClock(NOON))) as client:
        yield client


async def numbers_on_lists(client, **query):
    items = (await client.get("/v1/do-not-call", params=query)).json()["items"]
    return [(item["number"], item["servicekey"], item["origin"]) for item in items]


async def test_the_process_and_the_organisation_each_have_a_list_and_both_hold(database, applied):
    known = await applied()
    one, other = (known.servicekeys[key] for key in ("VoiceProcess", "Other"))
    async with database.transaction() as connection:
        listings = [Listing(NUMBER, one), Listing(OTHER, None), Listing(OTHER, one)]
        await do_not_call.add(connection, 1, listings, Origin.API, NOON)
        asked = [NUMBER, OTHER, "+919820000009"]
        process, organisation = DoNotCallList.PROCESS, DoNotCallList.ORGANISATION
        assert await do_not_call.listed(connection, 1, one, asked, NOON) == {NUMBER: process, OTHER: organisation}
        assert await do_not_call.listed(connection, 1, other, asked, NOON) == {OTHER: organisation}
        assert await do_not_call.listed(connection, 2, one, asked, NOON) == {}
        keys = [(one, NUMBER), (other, NUMBER)]
        wanted = [(1, process, number) for process in (one, other) for number in asked]
        found = await matching.match(connection, UpdateParameter.MOBILENUMBER, keys, wanted, NOON, waits=True)
    assert found.listed == {one: {NUMBER: process, OTHER: organisation}, other: {OTHER: organisation}}


async def test_an_entry_that_has_expired_has_no_effect_and_one_said_again_holds_as_said_last(database, applied):
    known = await applied()
    process = known.servicekeys["VoiceProcess"]
    ends = NOON + timedelta(days=1)
    async with database.transaction() as connection:

        async def on_list(at):
            listed = await do_not_call.listed(connection, 1, process, [NUMBER], at)
            matches = await matching.match(
                connection, UpdateParameter.MOBILENUMBER, [(process, NUMBER)], [(1, process, NUMBER)], at, waits=True
            )
            assert bool(listed) == bool(matches.listed)
            return bool(listed)

        await do_not_call.add(connection, 1, [Listing(NUMBER, None, ends)], Origin.API, NOON)
        assert [await on_list(at) for at in (NOON, ends - timedelta(seconds=1), ends)] == [True, True, False]
        await do_not_call.add(connection, 1, [Listing(NUMBER, None, None, "never")], Origin.API, NOON)
        assert await on_list(ends + timedelta(days=9_999))
        page = await do_not_call.page(connection, 1, {}, do_not_call.Query(9, number=NUMBER))
    assert [(item["reason"], item["expires_at"]) for item in page.items] == [("never", None)]


async def test_what_the_api_lists_outlives_the_file_and_what_the_file_lists_is_taken_off_there(client, applied):
    await client.post("/v1/do-not-call", json={"numbers": [LISTED_BY_FILE]})
    assert await numbers_on_lists(client, number=LISTED_BY_FILE) == [
        (LISTED_BY_FILE, None, "api"), (LISTED_BY_FILE, None, "file"),
    ]  # fmt: skip
    refused = await client.delete("/v1/do-not-call", params={"number": LISTED_BY_FILE})
    assert (refused.status_code, refused.json()["code"]) == (422, "listed_by_file")
    assert await numbers_on_lists(client) == [(LISTED_BY_FILE, None, "file")]
    await client.post("/v1/do-not-call", json={"numbers": [LISTED_BY_FILE]})
    await applied((f'do_not_call: ["{LISTED_BY_FILE}"]', "do_not_call: []"))
    assert await numbers_on_lists(client) == [(LISTED_BY_FILE, None, "api")]
    assert (await client.delete("/v1/do-not-call", params={"number": "09820000001"})).status_code == 200
    assert await numbers_on_lists(client) == []


async def test_a_number_that_is_listed_later_closes_the_leads_that_wait_to_call_it(client, database):
    await client.post(
        "/v1/leads:push", json=a_rest_push({"mobilenumber": NUMBER, "calldatetime": "2026-11-26 10:00:00"})
    )
    await client.post("/v1/leads:push", json=a_rest_push({"mobilenumber": NUMBER}, servicekey="Other"))
    said = await client.post(
        "/v1/do-not-call", json={"numbers": ["084528 92308"], "servicekey": "VoiceProcess", "reason": "by letter"}
    )
    assert said.json() == {"listed": 1, "rejected": []}
    explained = (await client.get("/v1/leads/1/explain")).json()
    verdict = next(verdict for verdict in explained["verdicts"] if verdict["rule"] == "do_not_call")
    assert (verdict["passed"], verdict["reason"]) == (False, f"{NUMBER} is on the do-not-call list of the process")
    assert (explained["state"], explained["due_at"], explained["dialable"]) == ("closed", None, False)
    lead, other = [(await client.get(f"/v1/leads/{number}")).json() for number in (1, 2)]
    assert (lead["closed_reason"], other["state"]) == ("do_not_call", "scheduled")
    timeline = (await client.get("/v1/leads/1/timeline")).json()["items"]
    assert [event["kind"] for event in timeline] == ["lead.created", "lead.scheduled", "lead.closed"]
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from due where lead_id = 1") == 0
    pushed = await client.post("/v1/leads:push", json=a_rest_push({"mobilenumber": NUMBER, "calltype": 5}))
    assert pushed.json()["results"][0]["code"] == "do_not_call"


async def test_pages_follow_one_another_and_bad_numbers_sink_no_good_ones(client):
    said = await client.post("/v1/do-not-call", json={"numbers": [OTHER, "12", NUMBER, "0845 2892308"]})
    assert said.json()["listed"] == 2
    assert [(one["index"], one["code"]) for one in said.json()["rejected"]] == [(1, "invalid_number")]
    first = (await client.get("/v1/do-not-call", params={"limit": 2})).json()
    second = (await client.get("/v1/do-not-call", params={"limit": 2, "cursor": first["next"]})).json()
    told = [item["number"] for item in (*first["items"], *second["items"])]
    assert sorted(told) == sorted([OTHER, NUMBER, LISTED_BY_FILE])
    assert second["next"] is None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"numbers": ["12"]}, 422, "numbers"),
        ({"numbers": []}, 422, "numbers"),
        ({}, 422, "numbers"),
        ({"numbers": [NUMBER], "expires": "2026-11-24 11:59:59"}, 422, "expires"),
        ({"numbers": [NUMBER], "expires": "soon"}, 422, "expires"),
        ({"numbers": [NUMBER], "until": "2027-01-01"}, 422, "until"),
        ({"numbers": [NUMBER], "servicekey": "Nobody"}, 404, "servicekey"),
    ],
)
async def test_what_cannot_be_listed_says_why(client, body, status, field):
    answer = await client.post("/v1/do-not-call", json=body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert await numbers_on_lists(client) == [(LISTED_BY_FILE, None, "file")]


async def test_a_key_that_only_reads_changes_no_list(database, applied):
    known = await applied()
    grants = {key_hash("reader"): Grant(1, "reader", frozenset({Scope.PULL}))}
    reader = {"Authorization": "Bearer reader"}
    async with client_of(an_application(database, replace(known, grants=grants)), reader) as client:
        assert (await client.get("/v1/do-not-call")).status_code == 200
        assert (await client.post("/v1/do-not-call", json={"numbers": [NUMBER]})).status_code == 403
        assert (await client.delete("/v1/do-not-call", params={"number": LISTED_BY_FILE})).status_code == 403
        assert await numbers_on_lists(client) == [(LISTED_BY_FILE, None, "file")]


async def test_the_terminal_adds_lists_removes_and_imports(database, dsn, applied, tmp_path, capsys):
    await applied()
    settings = Settings.from_environment({"LEADLINE_DATABASE_URL": dsn})
    organisation, process = Desk(None, settings, None, None), Desk(None, settings, None, "VoiceProcess")

    assert await asyncio.to_thread(organisation.add, ["0845 2892308", "12"], "2099-01-01", "asked") == 1
    assert "'12' is no valid number in IN" in capsys.readouterr().err
    register = tmp_path / "register.csv"
    register.write_text(f"phone;reason\n{OTHER};moved\n\n09820012346;\n")
    assert await asyncio.to_thread(process.import_csv, str(register), None, None, "register") == 0
    assert capsys.readouterr().out == "2 on the list\n"

    async with database.connection() as connection:
        rows = await connection.fetch(
            "select number, process_id, reason, expires_at from do_not_call where origin = 'api'"
        )
    assert {(row["number"], row["process_id"] is None, row["reason"]) for row in rows} == {
        (NUMBER, True, "asked"), (OTHER, False, "moved"), ("+919820012346", False, "register"),
    }  # fmt: skip
    await asyncio.to_thread(organisation.show, None, 50, as_json=False)
    assert "2098-12-31 18:30" in capsys.readouterr().out

    assert await asyncio.to_thread(process.remove, [OTHER]) == 0
    assert await asyncio.to_thread(organisation.remove, [LISTED_BY_FILE]) == 1
    assert "configuration file" in capsys.readouterr().err
    await asyncio.to_thread(process.show, None, 50, as_json=True)
    assert OTHER not in capsys.readouterr().out
    for fault, sentence in (
        (Desk(None, settings, None, "Nobody"), "no process 'Nobody'"),
        (Desk(None, settings, "B", None), "Acme"),
    ):
        with pytest.raises(ConfigurationError, match=sentence):
            await asyncio.to_thread(fault.show, None, 50, as_json=False)
    with pytest.raises(NoNumber, match="country code"):
        await asyncio.to_thread(organisation.show, "12", 50, as_json=False)
    with pytest.raises(ConfigurationError, match="--column"):
        await asyncio.to_thread(process.import_csv, str(register), "mobile", None, None)


@pytest.mark.parametrize("rows", ["09820012345\n09820012346\n", "+91 98200-12345,moved\n"])
async def test_a_register_without_headings_is_refused_and_no_number_taken_for_one(dsn, applied, tmp_path, rows):
    await applied()
    register = tmp_path / "register.csv"
    register.write_text(rows)
    desk = Desk(None, Settings.from_environment({"LEADLINE_DATABASE_URL": dsn}), None, None)
    with pytest.raises(ConfigurationError, match="the first row"):
        await asyncio.to_thread(desk.import_csv, str(register), None, None, None)
