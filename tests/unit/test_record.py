"""A record is read by its nodes' names, whatever their case; what cannot be kept is refused by name."""

from datetime import UTC, datetime
from math import inf
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NUMBER, a_policy
from leadline.domain.policy import FieldRule
from leadline.domain.record import Defaults, Desk, read_record
from leadline.domain.value import DEEPEST, Refusal, same, text_of, unkeepable
from leadline.domain.vendor import CallType, UpdateParameter


def a_desk(parameter="mobilenumber", defaults=None, **policy):
    return Desk(
        policy=a_policy(**policy),
        zone=ZoneInfo("Asia/Kolkata"),
        update_parameter=UpdateParameter(parameter),
        logins=frozenset({"asha@acme.example"}),
        defaults=defaults or Defaults(),
    )


def refused(raw, desk=None):
    with pytest.raises(Refusal) as caught:
        read_record(raw, desk or a_desk())
    return caught.value.code, caught.value.field


def test_what_it_carries_and_nothing_else():
    record = read_record({" MobileNumber ": " 8452892308 ", "FName": " Asha ", "Extra": " v "}, a_desk())
    assert record.key == NUMBER
    assert record.carried == {
        "mobilenumber": "8452892308",
        "number": NUMBER,
        "number_key": NUMBER,
        "fname": "Asha",
    }
    assert record.fields == {"Extra": " v "}
    assert (record.calltype, record.call_at, record.lacking) == (None, None, None)


def test_a_blank_node_is_carried_to_clear_what_is_stored():
    record = read_record({"mobilenumber": NUMBER, "emailid": " ", "language": None, "timezone": ""}, a_desk())
    assert {name: record.carried[name] for name in ("emailid", "language", "timezone")} == {
        "emailid": None,
        "language": None,
        "timezone": None,
    }


@pytest.mark.parametrize(
    ("parameter", "crm", "raw", "key"),
    [
        ("customercode", "leadnumber", {"CustomerCode": 1}, "1"),
        ("customercode", "leadnumber", {"customercode": 1.0}, "1"),
        ("customercode", "leadnumber", {"customercode": " aB "}, "aB"),
        ("customercode", "leadnumber", {"customercode": 10**30}, "1" + "0" * 30),
        ("crmuniquefield", "leadnumber", {"LeadNumber": "7"}, "7"),
        ("crmuniquefield", "customercode", {"customercode": "7"}, "7"),
        ("crmuniquefield", " PolicyNo ", {"policyno ": 7}, "7"),
        ("crmuniquefield", "mobilenumber", {"mobilenumber": "08452892308"}, NUMBER),
        ("mobilenumber", "leadnumber", {"mobilenumber": "+1 23"}, "123"),
    ],
)
def test_its_key(parameter, crm, raw, key):
    assert read_record(raw, a_desk(parameter, crm_unique_field=crm)).key == key


def test_of_a_node_that_is_there_twice_the_later_counts_unless_it_is_blank():
    raw = {"mobilenumber": NUMBER, "calltype": "5", "CALL_TYPE": 41, "Calltype": " ", "NAME": "a", "name": "b"}
    record = read_record(raw, a_desk())
    assert (record.calltype, record.carried["name"]) == (CallType.GENERAL_CALLBACK, "b")


def test_the_requests_defaults_are_for_records_that_carry_none():
    at = datetime(2030, 1, 1, tzinfo=UTC)
    desk = a_desk(defaults=Defaults(call_at=at, expires_at=at, calltype="21", userlogin="asha@acme.example"))
    record = read_record({"mobilenumber": NUMBER, "calltype": "", "calldatetime": None}, desk)
    assert (record.calltype, record.call_at, record.carried["expires_at"]) == (CallType.CALLBACK, at, at)
    assert record.carried["userlogin"] == "asha@acme.example"
    own = read_record({"mobilenumber": NUMBER, "calltype": 5, "calldatetime": "2029-01-01 00:00:00"}, desk)
    assert (own.calltype, own.call_at) == (CallType.HOT_LEAD, datetime(2028, 12, 31, 18, 30, tzinfo=UTC))


def test_an_expiry_at_its_call_time_is_not_before_it():
    both = {"calldatetime": "2030-01-01 00:00:00", "expirydatetime": "2030-01-01 00:00:00"}
    assert read_record({"mobilenumber": NUMBER, **both}, a_desk()).call_at is not None


@pytest.mark.parametrize("raw", [None, 1, "x", [], [{}]])
def test_a_record_is_an_object(raw):
    assert refused(raw) == ("not_an_object", None)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(value, id=str(number))
        for number, value in enumerate(
            ["a\0", "\ud800", ["\0"], {"\0": 1}, {"a": {"b": ["\udfff"]}}, inf, [inf], 10**5000]
        )
    ],
)
def test_what_cannot_be_kept_is_refused_by_the_nodes_name(value):
    for name in ("fname", "customercode", "leadnumber", "emailid", "userlogin", "language", "timezone"):
        assert refused({"mobilenumber": NUMBER, name: value}) == ("invalid_field", name)
    assert refused({"mobilenumber": NUMBER, "Extra": value}) == ("invalid_field", "Extra")


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "right/Asia/Kolkata", "posix/UTC", "Asia", "../UTC", "IST5"]
)
def test_a_zone_is_one_that_every_machine_has_and_keeps_alike(name):
    assert refused({"mobilenumber": NUMBER, "timezone": name}) == ("invalid_field", "timezone")
    assert read_record({"mobilenumber": NUMBER, "timezone": "Etc/GMT+5"}, a_desk()).carried["timezone"] == "Etc/GMT+5"


def nested(depth):
    value = None
    for _ in range(depth):
        value = [value]
    return value


def test_how_deep_a_node_may_be():
    assert read_record({"mobilenumber": NUMBER, "x": nested(DEEPEST)}, a_desk()).fields
    assert refused({"mobilenumber": NUMBER, "x": nested(DEEPEST + 1)}) == ("invalid_field", "x")


def test_a_required_field_is_missed_by_a_new_lead_but_not_by_an_update():
    desk = a_desk(fields=(FieldRule("Policy", required=True),))
    record = read_record({"mobilenumber": NUMBER}, desk)
    assert record.lacking is not None
    assert record.lacking.field == "Policy"
    assert read_record({"mobilenumber": NUMBER, "policy": "P"}, desk).lacking is None
    assert refused({"mobilenumber": NUMBER, "policy": " "}, desk) == ("invalid_field", "Policy")


def outcome(reader, *given):
    try:
        return reader(*given)
    except Refusal as refusal:
        return refusal


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["mobilenumber", "MobileNumber ", "customercode", "leadnumber", "name", "calltype", "call_type", "calldatetime",
     "expirydatetime", "userlogin", "language", "timezone", "dateofleadcreation", "timeofleadcreation", "x", " X"]
) | st.text(max_size=6)  # fmt: skip


@given(st.dictionaries(NAMES, JSON, max_size=10), st.sampled_from(list(UpdateParameter)))
def test_any_object_is_read_whole_or_refused_with_a_code(raw, parameter):
    record = outcome(read_record, raw, a_desk(parameter, crm_unique_field="x"))
    if isinstance(record, Refusal):
        assert record.code in {"missing_key", "16", "15", "unknown_call_type", "unknown_user", "invalid_field"}
        assert record.message.encode()
        return
    assert 0 < len(record.key) <= 255
    assert msgspec.json.decode(msgspec.json.encode(record.fields)) == record.fields
    assert unkeepable(record.fields) is None
    for value in record.carried.values():
        assert value is None or isinstance(value, datetime) or (value == value.strip() and "\0" not in value)


@given(JSON)
def test_a_nodes_text_never_says_what_was_not_there(value):
    text = outcome(text_of, "x", value)
    if isinstance(text, Refusal):
        assert text.field == "x"
        return
    assert text is None or text == str(value).strip() or float(text) == value


@given(JSON, JSON)
def test_values_are_the_same_where_their_json_is(one, other):
    assert same(one, one)
    if same(one, other):
        assert type(one) is type(other)
        assert one == other


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ({"a": [0]}, {"a": [False]}), ({}, []), (None, False)])
def test_what_python_holds_equal_may_differ(one, other):
    assert not same(one, other)
