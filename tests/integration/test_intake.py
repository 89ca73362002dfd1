"""Push Data against a real database: insert or update, when a lead is dialed again, and what is never dialed."""

from datetime import timedelta

import pytest
from intake_front import Front

from builders import NOON, NUMBER, a_catalogue, a_process
from leadline.domain.flow import Flow, Say
from leadline.domain.lead import ClosedReason, LeadState

LATER = "2026-11-24 12:00:01"


@pytest.fixture
def front(database):
    return Front(database)


async def test_a_first_push_makes_a_lead_that_is_due(front):
    answer = await front.push(
        {"fname": "Asha", "mobilenumber": "00918452892308", "call_type": "5", "extra_params": "x"}
    )
    assert (answer["statuscode"], answer["status"], answer["statusdesc"]) == ("001", "001", "success")
    assert answer["counts"] == {"created": 1, "updated": 0, "unchanged": 0, "stored_not_dialable": 0, "rejected": 0}
    assert answer["results"] == []
    assert answer["resdatetime"] == "2026-11-24 12:00:00"
    lead = await front.lead()
    assert (lead["state"], lead["calltype"], lead["number"]) == ("scheduled", 5, NUMBER)
    assert (lead["due_at"], lead["fname"], lead["fields"]) == (NOON, "Asha", {"extra_params": "x"})
    assert await front.due() == [("call", NOON)]
    assert (await front.rows("due", "due_at"))[0]["priority"] == 0
    assert await front.kinds() == ["lead.created", "lead.scheduled"]


@pytest.mark.parametrize("again", ["00918452892308", "+918452892308", "08452892308", "8452892308", " +91 84528-92308 "])
async def test_another_spelling_of_a_number_is_the_same_number(front, again):
    await front.push({"mobilenumber": "00918452892308", "customercode": "1"})
    assert await front.action({"mobilenumber": again}) == "unchanged"
    assert await front.action({"mobilenumber": again, "customercode": 1}, updateparam="customercode") == "unchanged"
    assert len(await front.rows("event")) == 2


async def test_an_update_changes_only_the_nodes_it_carries(front):
    await front.push({"mobilenumber": NUMBER, "fname": "Asha", "lname": "Rao", "Extra": "1", "other": None})
    assert await front.action({"mobilenumber": NUMBER, "fname": "Usha", "extra": "2"}) == "updated"
    lead = await front.lead()
    assert (lead["fname"], lead["lname"], lead["fields"]) == ("Usha", "Rao", {"Extra": "2", "other": None})
    assert (await front.rows("event"))[-1]["data"] == {"changed": ["extra", "fname"]}
    assert await front.kinds() == ["lead.created", "lead.scheduled", "lead.updated"]


async def test_a_key_is_trimmed_and_case_sensitive_and_1_is_one(front):
    code = {"updateparam": "customercode"}
    assert await front.action({"customercode": " Ab "}, {"customercode": "Ab"}, **code) == "unchanged"
    assert await front.action({"customercode": "ab"}, **code) == "stored_not_dialable"
    assert await front.action({"customercode": 1}, {"customercode": "1"}, **code) == "unchanged"


async def test_a_lead_is_found_by_a_key_that_another_parameter_inserted(front):
    await front.push({"mobilenumber": NUMBER, "customercode": "C1", "leadnumber": "L1"})
    assert await front.action({"customercode": "C1", "name": "Ram"}, updateparam="customercode") == "updated"
    assert await front.action({"leadnumber": "L1", "name": "Sita"}, updateparam="crmuniquefield") == "updated"
    assert (await front.lead())["name"] == "Sita"


async def test_of_several_leads_the_newest_open_one_is_meant_else_the_newest(front):
    for code in "123":
        await front.push({"customercode": code, "mobilenumber": NUMBER}, updateparam="customercode")
    ids = [lead["id"] for lead in await front.rows("lead")]
    await front.change(ids[2], state=LeadState.CLOSED, closed_reason=ClosedReason.COMPLETED, due_at=None)
    answer = await front.push({"mobilenumber": NUMBER, "name": "x"}, verbose=1)
    assert answer["results"][0]["leadid"] == ids[1]
    for number in ids[:2]:
        await front.change(number, state=LeadState.CLOSED, closed_reason=ClosedReason.COMPLETED, due_at=None)
    assert (await front.push({"mobilenumber": NUMBER, "name": "y"}, verbose=1))["results"][0]["leadid"] == ids[2]


async def test_an_update_may_carry_another_leads_key(front):
    await front.push({"customercode": "1", "mobilenumber": NUMBER}, updateparam="customercode")
    await front.push({"customercode": "2", "mobilenumber": "9812345678"}, updateparam="customercode")
    update = {"customercode": "2", "mobilenumber": NUMBER}
    assert await front.action(update, updateparam="customercode") == "updated"
    assert [lead["number"] for lead in await front.rows("lead")] == [NUMBER, NUMBER]


async def test_the_same_key_twice_in_a_request_the_later_record_wins_and_both_are_answered(front):
    records = [{"mobilenumber": NUMBER, "name": "a"}, {"mobilenumber": "8452892308", "name": "b", "calltype": 5}]
    answer = await front.push(*records, verbose=1)
    assert [r["action"] for r in answer["results"]] == ["created", "updated"]
    lead = await front.lead()
    assert (lead["name"], lead["calltype"]) == ("b", 5)
    assert await front.due() == [("call", NOON)]
    assert [event["seq"] for event in await front.rows("event")] == [1, 2, 3]


async def test_the_same_push_again_is_unchanged_and_moves_nothing(front):
    push = {"mobilenumber": NUMBER, "calltype": 21, "calldatetime": "2026-11-24 13:00:00", "x": [1, {"y": None}]}
    await front.push(push)
    before = await front.lead()
    front.clock.time += timedelta(minutes=5)
    assert await front.action(push) == "unchanged"
    assert await front.lead() == before


async def test_an_update_reschedules_only_when_calltype_or_calldatetime_change(front):
    await front.push({"mobilenumber": NUMBER, "calldatetime": "2026-11-24 13:00:00"})
    front.clock.time += timedelta(minutes=5)
    await front.push({"mobilenumber": NUMBER, "name": "x"})
    assert await front.due() == [("call", NOON + timedelta(hours=1))]
    await front.push({"mobilenumber": NUMBER, "calldatetime": "2026-11-24 14:00:00"})
    assert await front.due() == [("call", NOON + timedelta(hours=2))]
    await front.push({"mobilenumber": NUMBER}, calltype=5)
    assert await front.due() == [("call", front.clock.time)]
    assert (await front.lead())["calltype"] == 5


async def test_what_the_customer_asked_for_outlives_a_push_that_says_nothing_new(front):
    await front.push({"mobilenumber": NUMBER, "calltype": 5})
    later = NOON + timedelta(hours=2)
    await front.change((await front.lead())["id"], calltype=41, due_at=later)
    assert await front.action({"mobilenumber": NUMBER, "calltype": 5}, reqdatetime=LATER) == "unchanged"
    assert await front.due() == [("call", later)]


async def close(front, reason=ClosedReason.COMPLETED):
    lead = (await front.rows("lead"))[-1]
    await front.change(lead["id"], state=LeadState.CLOSED, closed_reason=reason, due_at=None)


async def test_a_second_click_opens_a_closed_lead_and_a_retried_request_does_not(front):
    await front.push({"mobilenumber": NUMBER, "calltype": 5})
    await close(front)
    assert await front.action({"mobilenumber": NUMBER, "calltype": 5}) == "unchanged"
    assert await front.action({"mobilenumber": NUMBER, "calltype": 1001}, reqdatetime=LATER) == "unchanged"
    assert await front.action({"mobilenumber": NUMBER}, reqdatetime=LATER) == "unchanged"
    assert await front.due() == []
    assert await front.action({"mobilenumber": NUMBER}, calltype=5, reqdatetime=LATER) == "updated"
    lead = await front.lead()
    assert (lead["state"], lead["opening"], lead["closed_reason"]) == ("scheduled", 2, None)
    assert await front.due() == [("call", NOON)]
    assert [(e["kind"], e["opening"]) for e in await front.rows("event")][2:] == [
        ("lead.reopened", 2),
        ("lead.scheduled", 2),
    ]


async def test_a_process_says_itself_which_call_types_reopen(database):
    front = Front(database, a_catalogue(a_process(reopen=(1001,))))
    await front.push({"mobilenumber": NUMBER})
    await close(front)
    assert await front.action({"mobilenumber": NUMBER, "calltype": 5}, reqdatetime=LATER) == "unchanged"
    assert await front.action({"mobilenumber": NUMBER, "calltype": 1001}, reqdatetime=LATER) == "updated"


async def test_an_expiry_of_the_last_opening_does_not_close_the_next(front):
    await front.push({"mobilenumber": NUMBER, "expirydatetime": "2026-11-24 12:30:00"})
    front.clock.time += timedelta(hours=1)
    await close(front, ClosedReason.EXPIRED)
    assert await front.action({"mobilenumber": NUMBER, "calltype": 5}, reqdatetime=LATER) == "updated"
    assert ((await front.lead())["state"], (await front.lead())["expires_at"]) == ("scheduled", None)


@pytest.mark.parametrize("state", [LeadState.DIALING, LeadState.CONNECTED])
async def test_a_lead_on_the_phone_is_not_dialed_again_by_an_update(front, state):
    await front.push({"mobilenumber": NUMBER})
    await front.change((await front.lead())["id"], state=state)
    click = {"mobilenumber": NUMBER, "calltype": 5, "name": "x"}
    answer = await front.push(click, reqdatetime=LATER, verbose=1)
    assert answer["results"][0]["action"] == "updated"
    assert f"the lead is {state}" in answer["warnings"][0]
    lead = await front.lead()
    assert (lead["state"], lead["calltype"], lead["name"]) == (state, 1001, "x")
    assert await front.due() == []
    await close(front)
    assert await front.action(click, reqdatetime=LATER) == "unchanged"


async def test_an_invalid_number_is_stored_and_a_later_valid_one_makes_it_dialable(front):
    code = {"updateparam": "customercode"}
    answer = await front.push({"customercode": "1", "mobilenumber": "12345"}, **code)
    (result,) = answer["results"]
    assert (answer["statusdesc"], result["action"], result["code"]) == (
        "success",
        "stored_not_dialable",
        "not_dialable",
    )
    assert "12345" in result["message"]
    assert await front.action({"customercode": "1", "mobilenumber": "123456"}, **code) == "stored_not_dialable"
    assert await front.due() == []
    assert await front.action({"customercode": "1", "mobilenumber": NUMBER}, **code) == "updated"
    lead = await front.lead()
    assert (lead["state"], lead["opening"], lead["closed_reason"]) == ("scheduled", 2, None)
    assert await front.due() == [("call", NOON)]
    assert (await front.kinds()).count("lead.closed") == 1


async def test_an_open_lead_whose_number_becomes_invalid_closes(front):
    code = {"updateparam": "customercode"}
    await front.push({"customercode": "1", "mobilenumber": NUMBER}, **code)
    assert await front.action({"customercode": "1", "mobilenumber": "1"}, **code) == "stored_not_dialable"
    assert await front.due() == []


async def test_a_listed_number_is_stored_and_never_dialed(front):
    async with front.database.connection() as connection:
        await connection.execute("insert into organisation (name, apikey_sha256, timezone) values ('Acme', '', 'UTC')")
        await connection.execute("insert into do_not_call values (1, $1, 'file', now())", NUMBER)
    answer = await front.push({"mobilenumber": "8452892308", "calltype": 5})
    assert answer["results"][0]["code"] == "do_not_call"
    assert answer["counts"]["stored_not_dialable"] == 1
    assert ((await front.lead())["state"], (await front.lead())["closed_reason"]) == ("closed", "do_not_call")
    assert await front.action({"mobilenumber": NUMBER, "calltype": 5}, reqdatetime=LATER) == "unchanged"
    assert (await front.lead())["opening"] == 1


@pytest.fixture
def speaking(database):
    flow = Flow(name="f", start="s", nodes={"s": Say({"": "{{ fname }} {{ city }}"}, "s")})
    return Front(database, a_catalogue(a_process(flow=flow, spoken=frozenset({"fname", "city"}))))


async def test_a_lead_that_is_spoken_to_waits_for_its_audio(speaking):
    await speaking.push({"mobilenumber": NUMBER, "fname": "Asha"})
    assert (await speaking.lead())["state"] == "awaiting_prompt"
    assert await speaking.due() == [("prompt", NOON)]


async def test_nobody_is_called_by_an_old_name(speaking):
    await speaking.push({"mobilenumber": NUMBER, "fname": "Asha", "city": "Pune"})
    lead = await speaking.lead()
    for change in ({"fname": "Usha"}, {"City": "Goa"}, {"language": "hi"}):
        await speaking.change(lead["id"], state=LeadState.SCHEDULED)
        assert await speaking.action({"mobilenumber": NUMBER, "emailid": str(change)}) == "updated"
        assert (await speaking.lead())["state"] == "scheduled"
        assert await speaking.action({"mobilenumber": NUMBER, **change}) == "updated"
        assert (await speaking.lead())["state"] == "awaiting_prompt"


async def test_a_click_on_a_lead_whose_audio_is_there_does_not_wait_for_it_again(speaking):
    await speaking.push({"mobilenumber": NUMBER, "fname": "Asha", "calldatetime": "2026-11-24 13:00:00"})
    await speaking.change((await speaking.lead())["id"], state=LeadState.SCHEDULED)
    await speaking.push({"mobilenumber": NUMBER, "calltype": 5}, reqdatetime=LATER)
    assert (await speaking.lead())["state"] == "scheduled"
    assert await speaking.due() == [("call", NOON)]


async def test_every_refused_record_is_kept_in_the_push_log(front):
    refused = [{"name": "x"}, {"mobilenumber": NUMBER, "x": "\0"}, {"mobilenumber": NUMBER, "x": "\ud800"}, 7]
    answer = await front.push(*refused, {"mobilenumber": NUMBER}, requestid="r1")
    assert answer["statusdesc"] == "partial success"
    (push,) = await front.rows("push")
    assert (push["requestid"], push["counts"]) == ("r1", {"created": 1, "rejected": 4})
    assert [r["index"] for r in push["rejected"]] == [0, 1, 2, 3]
    assert push["rejected"][0]["record"] == {"name": "x"}
    assert push["rejected"][1]["record"] == f'{{"mobilenumber": "{NUMBER}", "x": "\\u0000"}}'


async def test_a_record_refused_by_what_is_stored_leaves_the_others_alone(front):
    await front.push({"mobilenumber": NUMBER, "calldatetime": "2026-11-25 12:00:00"})
    early = {"mobilenumber": NUMBER, "expirydatetime": "2026-11-24 18:00:00"}
    answer = await front.push(early, {"mobilenumber": "9812345678"}, {"mobilenumber": "9812345678", "name": "x"})
    assert (answer["counts"]["rejected"], answer["counts"]["created"], answer["counts"]["updated"]) == (1, 1, 1)
    assert (answer["results"][0]["code"], answer["results"][0]["field"]) == ("15", "expirydatetime")
