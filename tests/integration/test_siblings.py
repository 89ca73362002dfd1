"""The methods beside Push Data: leads pulled, given to another agent, disposed of, and what is not there yet."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from intake_front import Front

from builders import NOON, NUMBER, a_catalogue, a_process, an_organisation
from integration.staff import hire
from leadline.domain.lead import ClosedReason, LeadState
from leadline.store import attempts

ASHA, RAVI = "asha@acme.example", "ravi@acme.example"
OTHER = "other_org"


@pytest.fixture
def front(database) -> Front:
    acme = an_organisation(logins=frozenset({ASHA, RAVI}))
    other = an_organisation(id=2, name="Other", logins=frozenset({"eve@other.example"}))
    processes = (a_process(), a_process(id=2, servicekey="Second"), a_process(id=3, organisation_id=2, servicekey="X"))
    return Front(database, a_catalogue(*processes, organisations=(("test_org", acme), (OTHER, other))))


async def ask(front: Front, method: str, **nodes: Any) -> dict[str, Any]:
    """The answer to a sibling method; a node given as `...` is left out."""
    given = {"method": method, "apikey": "test_org", "servicekey": "VoiceProcess"} | nodes
    body = json.dumps({name: value for name, value in given.items() if value is not ...}).encode()
    return msgspec.json.decode(msgspec.json.encode(await front.intake.answer(body, front.catalogue, "json")))


async def pulled(front: Front, **nodes: Any) -> list[Any]:
    answer = await ask(front, "getProcessData", **nodes)
    assert answer["statuscode"] == "001", answer
    return [lead["leadid"] for lead in answer["data"]]


async def called(front: Front, lead_id: int, **values: Any) -> UUID:
    """Have a lead been called, and return the attempt's id."""
    attempt = attempts.Attempt(
        1, uuid4(), lead_id, 1, 1, "worker", "telco", NUMBER, "08452892308", None, front.clock.now()
    )
    ended = {"state": "ended", "ended_at": front.clock.now(), "outcome": "answered"}
    async with front.database.transaction() as connection:
        await connection.execute(attempts.insert_from("$1"), [attempt])
        await attempts.change(connection, 1, attempt.id, ended | values)
    return attempt.id


def refusal(answer: dict[str, Any]) -> tuple[str, str, str]:
    [error] = answer["errors"]
    assert str(answer["status"]) == answer["statuscode"]
    assert error["message"]
    return answer["statuscode"], error["code"], error["field"]


# What they share with Push Data


@pytest.mark.parametrize(
    ("spelled", "method"),
    [("GETPROCESSDATA", "getProcessData"), (" Reallocatedata ", "reallocatedata"), ("userstatus", "userStatus"),
     ("savedisposition", "saveDisposition"), ("Customer_Recording", "customer_recording")],
)  # fmt: skip
async def test_keys_are_checked_as_in_a_push_and_the_method_has_the_vendors_spelling(front, spelled, method):
    for nodes, code in (
        ({"apikey": "nobody"}, "1107"),
        ({"apikey": ..., "servicekey": "none"}, "1107"),
        ({"servicekey": "none"}, "1108"),
        ({"servicekey": "X"}, "1243"),
    ):
        answer = await ask(front, spelled, **nodes)
        assert (answer["method"], answer["statuscode"]) == (method, code)


@pytest.mark.parametrize("method", ["getProcessData", "reallocatedata", "saveDisposition"])
async def test_what_speaks_of_a_process_must_name_it(front, method):
    assert refusal(await ask(front, method, servicekey=...)) == ("1108", "1108", "servicekey")


# getProcessData


async def test_leads_are_pulled_with_all_that_is_known(front):
    record = {"mobilenumber": "08452892308", "fname": "Grace", "customercode": "7", "leadnumber": "L7",
              "Policy": "gold", "calltype": "41", "calldatetime": "2026-11-25 10:00:00", "userlogin": ASHA}  # fmt: skip
    await front.push(record)
    (lead,) = await front.rows("lead")
    attempt = await called(front, lead["id"], disposition="interested")
    answer = await ask(front, "getProcessData", searchparam="MobileNumber", mobilenumber="+91 8452892308")
    assert (answer["status"], answer["resdatetime"], answer["next"]) == ("001", "2026-11-24 12:00:00", None)
    [found] = answer["data"]
    assert found.items() >= {
        "leadid": lead["id"], "status": 41, "state": "scheduled", "closed_reason": None, "media": 12, "calltype": 41,
        "mobilenumber": "08452892308", "number": NUMBER, "fname": "Grace", "customercode": "7", "leadnumber": "L7",
        "crmuniquefield": "L7", "userlogin": ASHA, "calldatetime": "2026-11-25 10:00:00",
        "duedatetime": "2026-11-25 10:00:00", "storedatetime": "2026-11-24 12:00:00", "expirydatetime": None,
        "fields": {"Policy": "gold"},
        "dispositions": [{"attempt": str(attempt), "disposition": "interested", "remarks": None,
                          "datetime": "2026-11-24 12:00:00"}],
    }.items()  # fmt: skip
    [tried] = found["attempts"]
    assert (tried["id"], tried["outcome"], tried["started_at"]) == (str(attempt), "answered", "2026-11-24 12:00:00")


async def test_leads_are_found_by_each_key_and_by_nothing_but_it(front):
    await front.push({"mobilenumber": "8452892308", "customercode": "7", "leadnumber": "a"})
    await front.push({"mobilenumber": "8452892309", "customercode": "8", "leadnumber": "b"})
    await front.push({"mobilenumber": "123", "customercode": "9", "leadnumber": "c"})
    first, second, third = [row["id"] for row in await front.rows("lead")]
    assert await pulled(front, searchparam="mobilenumber", mobilenumber="00918452892308") == [first]
    assert await pulled(front, searchparam="mobilenumber", mobilenumber=123) == [third]
    assert await pulled(front, searchparam="customercode", customercode=" 8 ") == [second]
    assert await pulled(front, searchparam="crmuniquefield", crmuniquefield="b", customercode="7") == [second]
    for name, value in (("mobilenumber", "8452892310"), ("customercode", "07"), ("crmuniquefield", "B")):
        answer = await ask(front, "getProcessData", searchparam=name, **{name: value})
        assert refusal(answer) == ("14", "14", "searchparam")


async def test_the_crms_own_key_may_be_the_number(front):
    process = a_process(crm_unique_field=" MobileNumber ")
    front.catalogue = a_catalogue(process)
    await front.push({"mobilenumber": "8452892308"})
    assert len(await pulled(front, searchparam="crmuniquefield", crmuniquefield="+91 8452892308")) == 1


async def test_a_range_is_of_the_time_of_storing_in_the_organisations_zone_both_ends_included(front):
    for seconds in (0, 1, 86_400):
        front.clock.time = NOON + timedelta(seconds=seconds, microseconds=400)
        await front.push({"mobilenumber": f"84528923{seconds % 100:02}", "customercode": seconds},
                         updateparam="customercode")  # fmt: skip
    first, second, third = [row["id"] for row in await front.rows("lead")]
    for since, to, found in (
        ("2026-11-24 12:00:00", "2026-11-24 12:00:00", [first]),
        ("2026-11-24 12:00:00", "2026-11-24 12:00:01", [first, second]),
        ("2026-11-24 12:00:01", "2026-11-25 11:59:59", [second]),
        ("2026-11-24", "2026-11-24", [first, second]),
        ("2026-11-24", "2026-11-25", [first, second, third]),
        ("2026-11-25 12:00:00", "2026-11-25", [third]),
        ("2026-11-24T06:30:00Z", "2026-11-24T06:30:00+00:00", [first]),
        ("2026-11-24 12:00:00.0004", "2026-11-24 12:00:00.0004", [first]),
        ("0001-01-01", "9999-12-31", [first, second, third]),
    ):
        assert await pulled(front, searchparam="daterange", fromdate=since, todate=to) == found, (since, to)


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ({}, ("5", "invalid_field", "searchparam")),
        ({"searchparam": "name"}, ("5", "invalid_field", "searchparam")),
        ({"searchparam": "daterange"}, ("16", "16", "fromdate")),
        ({"searchparam": "daterange", "fromdate": "2026-11-24"}, ("16", "16", "todate")),
        ({"searchparam": "daterange", "fromdate": "2026-11-24", "todate": "24/11/2026"}, ("16", "16", "todate")),
        ({"searchparam": "daterange", "fromdate": "2026-11-31", "todate": "2026-12-01"}, ("16", "16", "fromdate")),
        ({"searchparam": "daterange", "fromdate": 1, "todate": "2026-12-01"}, ("16", "16", "fromdate")),
        ({"searchparam": "daterange", "fromdate": "2026-11-25", "todate": "2026-11-24"}, ("15", "15", "fromdate")),
        ({"searchparam": "daterange", "fromdate": "2026-11-24 12:00:01", "todate": "2026-11-24 12:00:00"},
         ("15", "15", "fromdate")),
        ({"searchparam": "daterange", "fromdate": "2026-11-24", "todate": "2026-11-24"}, ("14", "14", "searchparam")),
        ({"searchparam": "mobilenumber"}, ("5", "missing_key", "mobilenumber")),
        ({"searchparam": "mobilenumber", "mobilenumber": "12"}, ("5", "invalid_field", "mobilenumber")),
        ({"searchparam": "mobilenumber", "mobilenumber": "1" * 17}, ("5", "invalid_field", "mobilenumber")),
        ({"searchparam": "mobilenumber", "mobilenumber": "1" * 16}, ("14", "14", "searchparam")),
        ({"searchparam": "mobilenumber", "mobilenumber": "123"}, ("14", "14", "searchparam")),
        ({"searchparam": "customercode", "customercode": " "}, ("5", "missing_key", "customercode")),
        ({"searchparam": "customercode", "customercode": "\x00"}, ("5", "invalid_field", "customercode")),
        ({"searchparam": "customercode", "customercode": "x" * 256}, ("5", "invalid_field", "customercode")),
        ({"searchparam": "customercode", "customercode": "1", "limit": 0}, ("5", "invalid_field", "limit")),
        ({"searchparam": "customercode", "customercode": "1", "limit": 1001}, ("5", "invalid_field", "limit")),
        ({"searchparam": "customercode", "customercode": "1", "after": "x"}, ("5", "invalid_field", "after")),
    ],
)  # fmt: skip
async def test_what_cannot_be_pulled_says_why(front, nodes, told):
    assert refusal(await ask(front, "getProcessData", **nodes)) == told


async def test_pages_follow_one_another(front):
    await front.push(*({"mobilenumber": f"84528923{n:02}"} for n in range(5)))
    wanted = {"searchparam": "daterange", "fromdate": "2026-11-24", "todate": "2026-11-24", "limit": 2}
    seen, after = [], None
    for _ in range(3):
        answer = await ask(front, "getProcessData", **wanted, after=after)
        seen += [lead["leadid"] for lead in answer["data"]]
        after = answer["next"]
    assert (seen, after) == ([row["id"] for row in await front.rows("lead")], None)


async def test_another_process_and_another_organisation_are_not_there(front):
    await front.push()
    wanted = {"searchparam": "mobilenumber", "mobilenumber": NUMBER}
    assert len(await pulled(front, **wanted)) == 1
    assert refusal(await ask(front, "getProcessData", **wanted, servicekey="Second"))[0] == "14"
    assert refusal(await ask(front, "getProcessData", **wanted, apikey=OTHER, servicekey="X"))[0] == "14"


# reallocatedata


async def test_a_lead_is_given_to_another_agent(front):
    await front.push({"mobilenumber": NUMBER, "userlogin": ASHA, "calltype": 21, "calldatetime": "2026-11-25 10:00:00"})
    answer = await ask(front, "reallocatedata", contactnumber="08452892308", login=RAVI.upper())
    assert (answer["statuscode"], answer["method"], answer["warnings"]) == ("001", "reallocatedata", [])
    lead = await front.lead()
    assert [(told["leadid"], told["action"]) for told in answer["data"]] == [(lead["id"], "updated")]
    assert (lead["userlogin"], lead["calltype"], lead["due_at"]) == (RAVI, 21, NOON + timedelta(hours=22))
    last = (await front.rows("event"))[-1]
    assert (last["kind"], last["data"], last["seq"]) == ("lead.updated", {"changed": ["userlogin"]}, lead["events"])
    again = await ask(front, "reallocatedata", contactnumber=NUMBER, login=RAVI)
    assert [told["action"] for told in again["data"]] == ["unchanged"]
    assert len(await front.rows("event")) == 3
    assert len(await front.rows("push")) == 1


async def test_with_another_time_it_is_due_then(front):
    await front.push()
    later = NOON + timedelta(hours=2)
    front.clock.time += timedelta(minutes=1)
    await ask(front, "reallocatedata", contactnumber=NUMBER, login=ASHA, calldatetime="2026-11-24 14:00:00")
    lead = await front.lead()
    assert (lead["call_at"], lead["due_at"], lead["scheduled_by"]) == (later, later, front.clock.time)
    assert await front.due() == [("call", later)]
    assert (await front.kinds())[-2:] == ["lead.updated", "lead.scheduled"]


async def test_of_customers_who_share_a_number_the_code_says_whose_lead_it_is(front):
    for code in ("1", "2"):
        await front.push({"mobilenumber": NUMBER, "customercode": code}, updateparam="customercode")
    await ask(front, "reallocatedata", contactnumber=NUMBER, customercode="1", login=ASHA)
    assert [row["userlogin"] for row in await front.rows("lead")] == [ASHA, None]
    await ask(front, "reallocatedata", contactnumber=NUMBER, login=RAVI)
    assert [row["userlogin"] for row in await front.rows("lead")] == [ASHA, RAVI]


async def test_a_lead_that_is_being_dialed_keeps_its_time(front):
    await front.push()
    (lead,) = await front.rows("lead")
    await front.change(lead["id"], state=LeadState.DIALING, due_at=None)
    answer = await ask(front, "reallocatedata", contactnumber=NUMBER, login=ASHA, calldatetime="2026-11-25 10:00:00")
    assert [warning.split(":")[0] for warning in answer["warnings"]] == ["the lead is dialing"]
    lead = await front.lead()
    assert (lead["userlogin"], lead["call_at"], await front.due()) == (ASHA, None, [])


async def test_a_closed_lead_is_not_opened_by_it(front):
    await front.push()
    (lead,) = await front.rows("lead")
    await front.change(lead["id"], state=LeadState.CLOSED, closed_reason=ClosedReason.COMPLETED, due_at=None)
    answer = await ask(front, "reallocatedata", contactnumber=NUMBER, login=ASHA, calldatetime="2026-11-25 10:00:00")
    assert [warning.split(",")[0] for warning in answer["warnings"]] == ["the lead is closed"]
    lead = await front.lead()
    assert (lead["state"], lead["userlogin"], await front.due()) == ("closed", ASHA, [])


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ({"contactnumber": ...}, ("5", "missing_key", "contactnumber")),
        ({"contactnumber": "12"}, ("5", "invalid_field", "contactnumber")),
        ({"contactnumber": "8452892309"}, ("14", "14", "contactnumber")),
        ({"customercode": "9"}, ("14", "14", "contactnumber")),
        ({"servicekey": "Second"}, ("14", "14", "contactnumber")),
        ({"login": ...}, ("5", "missing_key", "login")),
        ({"login": "eve@other.example"}, ("5", "unknown_user", "login")),
        ({"calldatetime": "soon"}, ("16", "16", "calldatetime")),
        ({"reqdatetime": "soon"}, ("16", "16", "reqdatetime")),
        ({"calldatetime": "2026-11-26 00:00:00"}, ("15", "15", "expirydatetime")),
    ],
)
async def test_what_cannot_be_reallocated_is_refused_and_changes_nothing(front, nodes, told):
    await front.push({"mobilenumber": NUMBER, "expirydatetime": "2026-11-25 12:00:00"})
    before = await front.lead()
    answer = await ask(front, "reallocatedata", **({"contactnumber": NUMBER, "login": ASHA} | nodes))
    assert refusal(answer) == told
    assert await front.lead() == before


# saveDisposition


async def test_a_disposition_is_of_the_last_call_and_is_pulled_with_its_remarks(front):
    await front.push()
    (lead,) = await front.rows("lead")
    first = await called(front, lead["id"], disposition="completed")
    front.clock.time += timedelta(minutes=5)
    second = await called(front, lead["id"])
    front.clock.time += timedelta(minutes=1)
    answer = await ask(
        front, "saveDisposition", contactvalue="8452892308", dispomasterid=12, disporeasonid="3", remarks="call Ravi"
    )
    assert [(told["leadid"], told["action"]) for told in answer["data"]] == [(lead["id"], "updated")]
    [found] = (await ask(front, "getProcessData", searchparam="mobilenumber", mobilenumber=NUMBER))["data"]
    assert found["dispositions"] == [
        {"attempt": str(first), "disposition": "completed", "remarks": None, "datetime": "2026-11-24 12:00:00"},
        {"attempt": str(second), "disposition": "12/3", "remarks": "call Ravi", "datetime": "2026-11-24 12:06:00"},
    ]
    last = (await front.rows("event"))[-1]
    assert (last["kind"], last["data"]["changed"], last["seq"]) == (
        "lead.updated", ["disposition"], (await front.lead())["events"],
    )  # fmt: skip


@pytest.mark.parametrize(("userlogin", "calltype"), [(ASHA, 21), (None, 41)])
async def test_the_callback_that_was_agreed_on_is_scheduled_and_opens_a_closed_lead(front, userlogin, calltype):
    await front.push({"mobilenumber": NUMBER, "userlogin": userlogin})
    (lead,) = await front.rows("lead")
    await called(front, lead["id"])
    await front.change(lead["id"], state=LeadState.CLOSED, closed_reason=ClosedReason.COMPLETED, due_at=None)
    front.clock.time += timedelta(minutes=5)
    answer = await ask(
        front, "saveDisposition", contactvalue=NUMBER, dispomasterid="1", selecteddatetime="2026-11-25 10:00:00"
    )
    assert (answer["statuscode"], answer["warnings"]) == ("001", [])
    lead = await front.lead()
    at = NOON + timedelta(hours=22)
    assert (lead["state"], lead["calltype"], lead["due_at"], lead["opening"]) == ("scheduled", calltype, at, 2)
    assert await front.due() == [("call", at)]
    assert [event["seq"] for event in await front.rows("event")] == list(range(1, lead["events"] + 1))


async def test_a_callback_that_the_process_does_not_open_for_is_told(front):
    front.catalogue = a_catalogue(a_process(reopen=(5,)))
    await front.push()
    (lead,) = await front.rows("lead")
    await called(front, lead["id"])
    await front.change(lead["id"], state=LeadState.CLOSED, closed_reason=ClosedReason.COMPLETED, due_at=None)
    front.clock.time += timedelta(minutes=5)
    answer = await ask(
        front, "saveDisposition", contactvalue=NUMBER, dispomasterid="1", selecteddatetime="2026-11-25 10:00:00"
    )
    assert "no callback was scheduled" in answer["warnings"][0]
    assert ((await front.lead())["state"], await front.due()) == ("closed", [])


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ({"contactvalue": ...}, ("5", "missing_key", "contactvalue")),
        ({"contactvalue": "8452892309"}, ("14", "14", "contactvalue")),
        ({"dispomasterid": ...}, ("5", "missing_key", "dispomasterid")),
        ({"dispomasterid": [1]}, ("5", "invalid_field", "dispomasterid")),
        ({"remarks": "x" * 4_001}, ("5", "invalid_field", "remarks")),
        ({"selecteddatetime": "soon"}, ("16", "16", "selecteddatetime")),
        ({"selecteddatetime": "2026-11-26 00:00:00"}, ("15", "15", "expirydatetime")),
    ],
)
async def test_what_cannot_be_saved_is_refused_and_changes_nothing(front, nodes, told):
    await front.push({"mobilenumber": NUMBER, "expirydatetime": "2026-11-25 12:00:00"})
    (lead,) = await front.rows("lead")
    await called(front, lead["id"])
    answer = await ask(front, "saveDisposition", **({"contactvalue": NUMBER, "dispomasterid": "1"} | nodes))
    assert refusal(answer) == told
    assert await front.lead() == lead
    assert [row["disposition"] for row in await front.rows("attempt")] == [None]


async def test_there_must_have_been_a_call_and_it_must_be_over(front):
    await front.push()
    (lead,) = await front.rows("lead")
    nodes = {"contactvalue": NUMBER, "dispomasterid": "1"}
    assert refusal(await ask(front, "saveDisposition", **nodes)) == ("5", "no_call", "contactvalue")
    await called(front, lead["id"], state="ringing", ended_at=None, outcome=None)
    assert refusal(await ask(front, "saveDisposition", **nodes)) == ("5", "call_is_up", "contactvalue")


# userStatus, customer_recording


STATUSES = [("logged_out", 11), ("ready", 1), ("reserved", 5), ("on_call", 5), ("wrap_up", 7), ("paused", 11)]


@pytest.mark.parametrize(("presence", "status"), STATUSES)
async def test_the_status_of_an_agent_is_where_they_are(front, database, presence, status):
    await hire(database, "asha", presence=presence)
    answer = await ask(
        front, "userStatus", servicekey=..., loginids=[f" {ASHA.upper()} ", "eve@other.example", "\ud800"]
    )
    assert answer["statuscode"] == "001"
    assert [user["status"] for user in answer["data"]] == [status, None, None]
    assert [user["loginid"] for user in answer["data"]] == [f" {ASHA.upper()} ", "eve@other.example", "?"]


@pytest.mark.parametrize("loginids", [..., None, [], "", [""], [1], {}, [ASHA] * 10_001])
async def test_logins_must_be_named(front, loginids):
    assert refusal(await ask(front, "userStatus", loginids=loginids)) == ("5", "invalid_field", "loginids")


async def test_a_login_that_nobody_has_is_refused(front):
    assert refusal(await ask(front, "userStatus", loginids=["eve"])) == ("5", "unknown_user", "loginids")


async def test_there_is_no_recording_yet(front):
    answer = await ask(front, "customer_recording", systemcallid="1", servicekey=...)
    assert refusal(answer) == ("5", "recording_not_found", "systemcallid")
    assert "not recorded yet" in answer["errors"][0]["message"]
    assert refusal(await ask(front, "customer_recording")) == ("5", "missing_key", "systemcallid")
