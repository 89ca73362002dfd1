"""Dry runs and explanations: what the push would do, and why a stored lead is not ringing; nothing is stored."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from intake_front import Front
from stored import every_table

from builders import NOON, NUMBER, FixedClock, a_catalogue, a_policy, a_process, a_push, a_trunk, an_organisation
from leadline.domain import policy as rules
from leadline.domain.flow import Flow, Say
from leadline.domain.lead import LeadState
from leadline.intake.explain import Explainer
from leadline.intake.request import Limits, PushRefused, authenticate, normalised, understand
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database

SPEAKS = Flow("f", "s", {"s": Say({"en": "Hello {{ fname }}"}, "s")})
MIDNIGHT = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
"""Twelve at night in India, outside the calling hours."""


async def explained(database: Database, *records, catalogue: Catalogue | None = None, now=NOON, **nodes) -> list[dict]:
    known = catalogue or a_catalogue()
    document = normalised(json.loads(a_push(*records, **nodes)))
    push = understand(document, authenticate(document, known), known, Limits(), "json")
    return await Explainer(database, FixedClock(now)).explain(push)


def by_rule(answer: dict) -> dict[str, dict]:
    return {verdict["rule"]: verdict for verdict in answer["verdicts"]}


async def test_a_dry_run_says_what_would_happen_and_stores_nothing(database: Database):
    before = await every_table(database)
    (answer,) = await explained(database, {"mobilenumber": "08452892308"})
    verdicts = answer.pop("verdicts")
    assert answer == {
        "index": 0, "action": "created", "leadid": None, "number": NUMBER, "dialable": True, "due_at": NOON,
        "due_at_local": "2026-11-24T12:00:00+05:30", "timezone": "Asia/Calcutta", "trunk": "telco",
        "dial_string": "08452892308", "caller_id": None, "needs_speech": False, "code": None, "field": None,
        "message": None,
    }  # fmt: skip
    assert all(verdict["passed"] and verdict["reason"] for verdict in verdicts)
    assert [verdict["rule"] for verdict in verdicts] == [
        "voice", "direction", "process", "valid_number", "do_not_call", "trunk", "expiry", "agent", "speech",
        "call_time", "schedule", "holiday", "calling_hours", "attempts_per_lead", "attempts_per_number", "gap",
        "trunk_open",
    ]  # fmt: skip
    assert await every_table(database) == before


async def test_outside_calling_hours_the_first_legal_instant_is_when_they_open(database: Database):
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, now=MIDNIGHT)
    opens = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)
    assert (answer["due_at"], answer["due_at_local"]) == (opens, "2026-11-25T09:00:00+05:30")
    assert by_rule(answer)["calling_hours"]["until"] == opens


async def test_a_call_time_at_night_is_followed_by_the_hours_of_its_own_day(database: Database):
    (answer,) = await explained(database, {"mobilenumber": NUMBER, "calldatetime": "2026-11-28 23:00:00"})
    assert answer["due_at_local"] == "2026-11-29T09:00:00+05:30"
    assert by_rule(answer)["call_time"]["until"] == datetime(2026, 11, 28, 17, 30, tzinfo=UTC)


async def test_the_records_own_zone_is_the_recipients(database: Database):
    (answer,) = await explained(database, {"mobilenumber": NUMBER, "timezone": "America/New_York"})
    assert (answer["timezone"], answer["due_at_local"]) == ("America/New_York", "2026-11-24T09:00:00-05:00")


@pytest.mark.parametrize(
    ("record", "nodes", "rule"),
    [
        ({"mobilenumber": NUMBER, "calltype": 71}, {}, "agent"),
        ({"mobilenumber": NUMBER}, {"media": 1}, "voice"),
        ({"mobilenumber": "12"}, {}, "valid_number"),
        ({"mobilenumber": NUMBER, "expirydatetime": "2026-11-24 20:00:00", "timezone": "Asia/Tokyo"},
         {"reqdatetime": "2026-11-24 12:00:00"}, None),
    ],
)  # fmt: skip
async def test_what_can_never_ring_has_no_instant(database: Database, record, nodes, rule):
    # Of the last, the hours in Tokyo begin (at 05:30 of the next day in India) after it has expired.
    now = datetime(2026, 11, 24, 13, 0, tzinfo=UTC) if rule is None else NOON
    (answer,) = await explained(database, record, now=now, **nodes)
    assert answer["due_at"] is answer["due_at_local"] is None
    failed = {name for name, verdict in by_rule(answer).items() if not verdict["passed"]}
    assert rule in failed if rule else failed == {"calling_hours"}


async def test_a_record_is_rejected_in_the_words_of_the_push(database: Database):
    known, records = a_catalogue(), [7, {"name": "x"}, {"mobilenumber": NUMBER, "calltype": 9}]
    answers = await explained(database, *records, catalogue=known)
    pushed = (await Front(database, known).push(*records))["results"]
    told = ("index", "action", "code", "field", "message")
    assert [[answer[name] for name in told] for answer in answers] == [[r[name] for name in told] for r in pushed]
    assert all(answer["verdicts"] == [] and not answer["dialable"] for answer in answers)


async def test_actions_are_those_of_the_push_and_the_second_of_a_key_finds_the_first(database: Database):
    front = Front(database)
    await front.push({"mobilenumber": NUMBER, "fname": "Grace"})
    records = [
        {"mobilenumber": NUMBER, "fname": "Grace"},
        {"mobilenumber": NUMBER, "fname": "Ada"},
        {"mobilenumber": "+918452892309", "fname": "Ada"},
        {"mobilenumber": "08452892309", "fname": "Ada"},
        {"mobilenumber": "12"},
    ]
    tried = await explained(database, *records)
    pushed = (await front.push(*records, verbose=1))["results"]
    assert [answer["action"] for answer in tried] == [result["action"] for result in pushed]
    assert [answer["action"] for answer in tried] == [
        "unchanged", "updated", "created", "unchanged", "stored_not_dialable",
    ]  # fmt: skip
    assert [answer["leadid"] for answer in tried] == [1, 1, None, None, None]
    assert (tried[-1]["code"], tried[-1]["field"]) == ("not_dialable", "mobilenumber")


async def test_a_listed_number_is_never_rung(database: Database):
    await _list(database, NUMBER)
    (answer,) = await explained(database, {"mobilenumber": NUMBER})
    assert (answer["action"], answer["code"], answer["dialable"]) == ("stored_not_dialable", "do_not_call", False)


async def _list(database: Database, number: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "insert into organisation (name, apikey_sha256, timezone) values ('Acme', '\\x01', 'Asia/Kolkata')"
        )
        await connection.execute("insert into do_not_call values (1, $1, 'file', $2)", number, NOON)


async def test_speech_that_is_only_to_be_made_delays_nobody_and_a_lapsed_subscription_does(database: Database):
    speaking = a_process(flow=SPEAKS)
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, catalogue=a_catalogue(speaking))
    assert (answer["needs_speech"], answer["due_at"]) == (True, NOON)
    assert by_rule(answer)["speech"]["passed"] is False

    lapsed = replace(a_catalogue(speaking), organisations={1: an_organisation(tts_until=NOON.date() - timedelta(1))})
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, catalogue=lapsed)
    assert answer["due_at"] is None
    assert "subscription ended" in by_rule(answer)["speech"]["reason"]

    never = replace(a_catalogue(speaking), organisations={1: an_organisation(tts_until=None)})
    with pytest.raises(PushRefused, match="no TTS subscription"):
        await explained(database, {"mobilenumber": NUMBER}, catalogue=never)


async def test_hours_that_never_open_are_said_without_an_instant(database: Database):
    shut = a_policy(calling_hours=replace(a_policy().calling_hours, days=((),) * 7))
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, catalogue=a_catalogue(a_process(policy=shut)))
    assert answer["due_at"] is None


async def test_a_stored_lead_tells_why_it_is_not_ringing_now(database: Database):
    front = Front(database)
    await front.push({"mobilenumber": NUMBER, "calldatetime": "2026-11-24 15:00:00"})
    explainer = Explainer(database, front.clock)
    organisation = front.catalogue.organisations[1]
    answer = await explainer.explain_lead(organisation, front.catalogue, 1)
    assert answer is not None
    assert (answer["id"], answer["state"], answer["status"], answer["closed_reason"]) == (1, "scheduled", 1001, None)
    assert answer["due_at_local"] == "2026-11-24T15:00:00+05:30"
    assert {name for name, verdict in by_rule(answer).items() if not verdict["passed"]} == {"call_time"}

    await front.change(1, state=LeadState.DIALING, due_at=None)
    answer = await explainer.explain_lead(organisation, front.catalogue, 1)
    assert answer is not None
    assert answer["due_at"] is None
    assert by_rule(answer)["call_time"]["reason"] == "nothing is due: the lead is dialing"

    retired = replace(front.catalogue, processes={})
    answer = await explainer.explain_lead(organisation, retired, 1)
    assert answer is not None
    assert list(by_rule(answer)) == ["process"]
    assert await explainer.explain_lead(an_organisation(id=2), front.catalogue, 1) is None
    assert await explainer.explain_lead(organisation, front.catalogue, 2) is None


async def test_trunk_and_dial_string_are_the_first_that_may_carry_the_call(database: Database):
    home = a_trunk(name="home", prefix=None)
    process = a_process(trunks=(home, a_trunk(name="abroad")), caller_id="+912261234567")
    (answer,) = await explained(database, {"mobilenumber": "+4915112345678"}, catalogue=a_catalogue(process))
    assert (answer["trunk"], answer["dial_string"], answer["caller_id"]) == (
        "abroad",
        "004915112345678",
        "+912261234567",
    )


async def test_limits_and_holidays_are_followed_to_the_first_legal_instant(database: Database):
    limits = rules.Limits(per_number=rules.Limit(day=1))
    policy = a_policy(limits=limits, holidays=(rules.Holiday(date(2026, 11, 25)),))
    catalogue = a_catalogue(a_process(policy=policy))
    await _ring(database, NUMBER, NOON - timedelta(hours=1))
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, catalogue=catalogue)
    assert by_rule(answer)["attempts_per_number"]["until"] == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    assert answer["due_at_local"] == "2026-11-26T09:00:00+05:30"


@pytest.mark.parametrize("state", ["paused", "stopped"])
async def test_a_process_that_does_not_go_on_has_no_instant(database: Database, state):
    catalogue = a_catalogue(a_process(**{state: True}))
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, catalogue=catalogue)
    assert (answer["due_at"], answer["action"], by_rule(answer)["process"]["passed"]) == (None, "created", False)


async def test_a_trunk_that_is_full_is_said_and_puts_nothing_off(database: Database):
    catalogue = a_catalogue(a_process(trunks=(a_trunk(channels=1),)))
    await _ring(database, "+919820012345", NOON)
    (answer,) = await explained(database, {"mobilenumber": NUMBER}, catalogue=catalogue)
    assert by_rule(answer)["trunk_open"]["reason"] == "trunk telco: all of its 1 channels are in use"
    assert answer["due_at"] == NOON


async def _ring(database: Database, number: str, at: datetime) -> None:
    """An attempt of another process that is under way."""
    async with database.connection() as connection:
        await connection.execute(
            """insert into attempt (organisation_id, id, lead_id, process_id, opening, worker, trunk, number,
                   dial_string, state, started_at)
               values (1, gen_random_uuid(), 99, 2, 1, 'w', 'telco', $1, '', 'ringing', $2)""",
            number,
            at,
        )
