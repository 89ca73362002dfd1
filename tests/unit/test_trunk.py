"""A dial string is the trunk's way of writing a number: never another number, never abroad without a rule."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.domain.phone import parse_number
from leadline.domain.policy import PrefixRule
from leadline.domain.trunk import Undialable, dial_string

HOME, ABROAD = "+918452892308", "+14155552671"
TELCO = PrefixRule(home_region="IN", international="00", national="0")
GSM = PrefixRule(home_region="IN", international="+")


@pytest.mark.parametrize(
    ("e164", "rule", "dialed"),
    [
        (HOME, TELCO, "08452892308"),
        (ABROAD, TELCO, "0014155552671"),
        (HOME, GSM, "+918452892308"),
        (ABROAD, GSM, "+14155552671"),
        (HOME, None, "+918452892308"),
        (HOME, PrefixRule(home_region="IN"), "+918452892308"),
        (HOME, PrefixRule(home_region="IN", national="0"), "08452892308"),
        (HOME, PrefixRule(home_region="US", international="011", national="1"), "011918452892308"),
        (ABROAD, PrefixRule(home_region="US", international="011", national="1"), "14155552671"),
        ("+390612345678", PrefixRule(home_region="IT", international="00", national=""), "0612345678"),
    ],
)
def test_the_trunks_rule_writes_the_number(e164, rule, dialed):
    assert dial_string(parse_number(e164, "IN"), rule, "IN") == dialed


@pytest.mark.parametrize(
    ("e164", "rule", "remedy"),
    [
        (ABROAD, None, "set prefix.international"),
        (ABROAD, PrefixRule(home_region="IN", national="0"), "has no prefix.international"),
        ("+18765551234", PrefixRule(home_region="US", national="1"), "is abroad"),  # Jamaica shares +1
        ("+80012345678", None, "is abroad"),
    ],
)
def test_no_call_abroad_without_a_rule_for_it(e164, rule, remedy):
    with pytest.raises(Undialable, match=remedy):
        dial_string(parse_number(e164, "IN"), rule, "IN")


EXAMPLES = [
    phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (example := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE))
]
PREFIXES = st.one_of(st.none(), st.sampled_from(["", "0", "00", "011", "+", "9,0"]))


@given(st.sampled_from(EXAMPLES), st.sampled_from(["IN", "US", "IT", "GB", "DE"]), PREFIXES, PREFIXES, st.booleans())
def test_a_dial_string_ends_in_the_national_number_and_begins_as_the_rule_says(e164, home, abroad, national, bare):
    number = parse_number(e164, home)
    rule = None if bare else PrefixRule(home_region=home, international=abroad, national=national)
    try:
        dialed = dial_string(number, rule, home)
    except Undialable:
        assert number.region != home
        return
    assert dialed.endswith(number.national)
    before = dialed.removesuffix(number.national)
    code = str(number.country_code)
    assert before in {national, f"+{code}", f"{abroad}{code}"} - {None}
    if number.region != home:
        assert before == f"{abroad}{code}"
