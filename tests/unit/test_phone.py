"""Numbers are read as libphonenumber reads them, after the prefixes that people write."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat
from phonenumbers.timezone import time_zones_for_number

from leadline.domain import phone
from leadline.domain.phone import NumberType, digits_of, number_key, parse_number, zones_of

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    "written",
    [
        "00918452892308", "+918452892308", "08452892308", "8452892308", "918452892308", " +91 (84528) 92-308 ",
        "८४५२८९२३०८", "tel:+918452892308",
    ],
)  # fmt: skip
def test_one_number_has_many_spellings(written):
    number = parse_number(written, "IN")
    assert number is not None
    assert (number.e164, number.country_code, number.national, number.region) == (
        "+918452892308",
        91,
        "8452892308",
        "IN",
    )
    assert number_key(written, "IN") == "+918452892308"


@pytest.mark.parametrize("written", ["", " ", "12345", "5555555555", "unknown", "+", "00", "+999123456789", "1" * 65])
def test_no_number(written):
    assert parse_number(written, "IN") is None


def test_00_means_abroad_even_where_libphonenumber_dials_011():
    assert parse_number("00918452892308", "US") == parse_number("+918452892308", "US")


@pytest.mark.parametrize(
    ("written", "key"), [("12345", "12345"), ("+1-23 (45)", "12345"), ("x १२ 3", "123"), ("unknown", ""), ("²", "")]
)
def test_an_invalid_number_is_known_by_its_digits(written, key):
    assert number_key(written, "IN") == key
    assert digits_of(written) == key


@pytest.mark.parametrize(
    ("e164", "kind"),
    [
        ("+449012345678", NumberType.PREMIUM_RATE),
        ("+4918012345", NumberType.SHARED_COST),
        ("+881612345678", NumberType.SATELLITE),
        ("+870773111632", NumberType.SATELLITE),
    ],
)
def test_what_costs_more_than_a_call_is_known(e164, kind):
    number = parse_number(e164, "GB")
    assert number is not None
    assert number.type is kind
    assert kind.is_costly


@pytest.mark.parametrize("e164", ["+918452892308", "+14155552671", "+448001111111", "+80012345678"])
def test_what_costs_a_call(e164):
    number = parse_number(e164, "IN")
    assert number is not None
    assert not number.type.is_costly


def assert_read_alike(written, region):
    ours = parse_number(written, region)
    try:
        theirs = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        theirs = None
    if theirs is None or not phonenumbers.is_valid_number(theirs):
        assert ours is None or written.startswith("00")
        return
    assert ours is not None
    assert ours.e164 == phonenumbers.format_number(theirs, PhoneNumberFormat.E164)
    assert ours.country_code == theirs.country_code
    assert ours.national == phonenumbers.national_significant_number(theirs)
    assert ours.region == (phonenumbers.region_code_for_number(theirs) or "001")
    if ours.type is not NumberType.SATELLITE:
        assert int(ours.type) == int(phonenumbers.number_type(theirs))


@pytest.mark.parametrize("region", REGIONS)
def test_the_fast_reader_and_the_reference_agree_on_every_kind_of_number_of_every_region(region):
    for kind in range(11):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            for form in (PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL):
                assert_read_alike(phonenumbers.format_number(example, form), region)
                assert_read_alike(phonenumbers.format_number(example, form), "IN")


@given(st.sampled_from(REGIONS), st.text("0123456789", min_size=3, max_size=13), st.sampled_from(["", "0", "+", "+91"]))
def test_they_agree_on_any_digits(region, digits, prefix):
    assert_read_alike(prefix + digits, region)


@given(st.text(max_size=80), st.sampled_from(REGIONS))
def test_any_text_is_a_number_or_none(written, region):
    number = parse_number(written, region)
    if number is not None:
        assert parse_number(number.e164, region) == number
        assert number_key(written, region) == number.e164


def test_a_number_may_be_in_several_zones_or_in_none_that_is_known():
    assert zones_of("+918452892308") == ("Asia/Calcutta",)
    assert len(zones_of("+18005551234")) > 1
    assert zones_of("+80012345678") == ()


@pytest.mark.parametrize("region", REGIONS)
def test_zones_are_those_that_libphonenumber_gives(region):
    for kind in NumberType:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None or not phonenumbers.is_valid_number(example):
            continue
        known = tuple(zone for zone in time_zones_for_number(example) if zone != "Etc/Unknown")
        assert zones_of(phonenumbers.format_number(example, PhoneNumberFormat.E164)) == known


@pytest.mark.parametrize("region", REGIONS)
def test_a_number_is_read_the_same_by_its_e164(region):
    """Which is how a number that was read is remembered."""
    for kind in range(11):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL):
            phone._known.clear()
            number = parse_number(phonenumbers.format_number(example, form), region)
            phone._known.clear()
            assert number is None or parse_number(number.e164, region) == number


def test_what_is_remembered_of_numbers_is_bounded(monkeypatch):
    monkeypatch.setattr(phone, "MOST_KNOWN", 3)
    for n in range(10):
        number = parse_number(f"845289230{n}", "IN")
        assert number is not None
        assert parse_number(number.e164, "IN") is number
        assert len(phone._known) <= 3
