"""A configuration file is taken whole or refused whole, with every fault, its place and what would mend it."""

import re
from datetime import date, time, timedelta
from importlib import resources
from pathlib import Path

import phonenumbers
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadline.configuration.configuration import Configuration, Sip, User
from leadline.configuration.problems import UnusableConfiguration
from leadline.configuration.reading import read, starter
from leadline.configuration.regions import country_of
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.flow import Dnc
from leadline.domain.policy import (
    NINE_TO_NINE,
    AgentRules,
    Direction,
    Fallback,
    FieldRule,
    Holiday,
    Limit,
    Limits,
    PrefixRule,
    RetryPolicy,
    RetryRule,
    SpeechChoice,
    TrunkPolicy,
    Window,
)

CORPUS = Path(__file__).parents[1] / "corpus" / "configuration"
ENV = {"ACME_KEY": "acme", "TRUNK_PASSWORD": "hidden", "SAME_KEY": "same", "BLANK": "  "}


@pytest.fixture
def written(tmp_path):
    """Reads a text as if it stood in a file."""

    def read_text(text):
        file = tmp_path / "leadline.yaml"
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        return read(file, ENV)

    return read_text


@pytest.mark.parametrize("file", sorted((CORPUS / "bad").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_bad_file_is_refused_with_every_fault_in_its_place(file):
    with pytest.raises(UnusableConfiguration) as refused:
        read(file, ENV)
    assert [str(problem) for problem in refused.value.problems] == file.with_suffix(".txt").read_text().splitlines()
    assert str(refused.value).startswith(f"{file}:{refused.value.problems[0].line}:")


@pytest.mark.parametrize("file", sorted((CORPUS / "good").glob("*.yaml")), ids=lambda file: file.stem)
def test_a_good_file_is_taken(file):
    assert isinstance(read(file, ENV), Configuration)


def test_what_is_left_out_is_as_the_interface_says():
    configuration = read(CORPUS / "good" / "least.yaml", {})
    [organisation] = configuration.organisations
    [process] = organisation.processes
    policy = process.policy
    assert (organisation.timezone, organisation.tts_until, organisation.lenient_json) == ("UTC", None, False)
    assert (policy.direction, policy.crm_unique_field, policy.trunks) == (Direction.OUTBOUND, "leadnumber", ())
    assert policy.calling_hours == NINE_TO_NINE
    assert policy.retry == RetryPolicy()
    assert policy.reopen == (5, 21, 31, 41, 71)
    assert policy.ring_timeout == timedelta(seconds=30)
    assert process.flow.start == "bye"
    assert configuration.trunks[0].policy == TrunkPolicy(name="telco", uri="sip:{number}@127.0.0.1:5062")
    assert configuration.sip == Sip(("127.0.0.1", 0), None, (30_000, 39_999))


def test_every_key_says_what_it_says():
    configuration = read(CORPUS / "good" / "everything.yaml", ENV)
    acme, beta = configuration.organisations
    policy, inbound = acme.processes[0].policy, acme.processes[1].policy
    assert configuration.sip == Sip(("0.0.0.0", 5060), None, (20_000, 20_999))
    assert acme.tts_until == date(2031, 6, 30)
    assert (acme.lenient_json, beta.lenient_json) == (True, False)
    assert acme.users == (User("asha", "Asha", "agent", "sip:asha@127.0.0.1:5090"), User("boss", None, "supervisor"))
    assert acme.do_not_call == ("+919800000000", "+919800000001")
    assert (policy.direction, policy.region, policy.crm_unique_field) == (Direction.BLENDED, "GB", "policy")
    assert (policy.users, policy.trunks, policy.caller_id) == (("asha", "boss"), ("gsm", "telco"), "+912261234567")
    assert policy.speech == SpeechChoice(language="hi-IN", voice="f3")
    monday, friday, saturday, sunday = (policy.calling_hours.days[day] for day in (0, 4, 5, 6))
    assert monday == (Window(time(10), time(13)), Window(time(14), time(18)))
    assert (friday, saturday, sunday) == ((), (Window(time(11), time(12)),), ())
    assert policy.agents == AgentRules(
        timedelta(seconds=20), timedelta(seconds=10), timedelta(minutes=5), Fallback.SUPERVISOR
    )
    assert [process.policy.mode for process in acme.processes] == ["message", "message", "preview", "progressive"]
    minutes, hour = timedelta(minutes=1), timedelta(hours=1)
    assert policy.retry == RetryPolicy(
        RetryRule(minutes, 9), None, RetryRule(5 * minutes, 7), RetryRule(hour, 1), max_attempts=12
    )
    assert policy.holidays == (Holiday(date(2026, 1, 26), "Republic Day"), Holiday(date(2026, 10, 2)))
    assert policy.limits == Limits(Limit(3, 8), Limit(None, 10), 30 * minutes)
    schedule = policy.schedule
    assert (schedule.timezone, schedule.begins, schedule.ends) == (
        "Asia/Calcutta",
        date(2026, 1, 1),
        date(2026, 12, 31),
    )
    assert [bool(day) for day in schedule.hours.days] == [True, True, False, False, False, False, False]
    assert acme.processes[0].flow.nodes["never"] == Dnc("bye", DoNotCallList.PROCESS, timedelta(days=365))
    assert (inbound.holidays, inbound.limits, inbound.schedule) == ((), Limits(), None)
    assert (policy.reopen, policy.ring_timeout) == ((5, 1001), timedelta(seconds=45))
    assert policy.fields == (FieldRule("policy", "text", "Policy", True, 40), FieldRule("amount", "number"))
    assert policy.spoken == ("fname", "policy")
    assert (inbound.direction, inbound.region, inbound.flow, inbound.calling_hours) == ("inbound", "IN", None, None)
    assert (beta.processes[0].policy.region, beta.processes[0].policy.spoken) == ("GB", ())
    telco, gsm = configuration.trunks
    assert telco.password == "hidden"
    assert telco.policy.prefix == PrefixRule("IN", "00", "")
    assert (telco.policy.username, telco.policy.transport, telco.policy.codecs) == ("leadline", "tcp", ("pcmu",))
    assert telco.policy.number_types == ("premium_rate", "shared_cost")
    assert (telco.policy.channels, telco.policy.cps) == (30, 12)
    assert (telco.policy.numbers, telco.policy.options) == (("+1", "+91"), False)
    assert gsm.policy.prefix == PrefixRule("IN", "+", None)
    assert (telco.policy.register, gsm.policy.register) == (False, True)


def test_no_secret_is_shown():
    shown = repr(read(CORPUS / "good" / "everything.yaml", ENV))
    assert "hidden" not in shown
    assert "acme_key" not in shown


def test_the_starter_is_usable_with_no_environment_at_all(written, tmp_path):
    configuration = written(starter())
    assert configuration.organisations[0].apikey == "change-me-before-use"
    assert re.search(r"apikey: change-me-before-use +# CHANGE THIS", starter())


def test_every_comment_of_the_starter_is_usable_too(written):
    """Uncommented, its examples and defaults are valid; the flow and trunk that they name are there."""
    uncommented = re.sub(r"(?m)^( *)# (?=( *)(\w+:|- \{))", r"\1", starter())
    assert uncommented.count("\n# ") < starter().count("\n# ")
    configuration = written(uncommented)
    assert configuration.organisations[0].users[0].login == "asha@acme.example"
    assert configuration.organisations[0].processes[0].policy.fields[0].label == "Policy"
    assert configuration.trunks[0].password == "hidden"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file; `leadline init` writes one"),
        (b"organisations: \xff", "the byte at position 15 is not UTF-8"),
        (b"organisations: \x07", "the character U+0007 may not stand in YAML; delete it"),
        (b'organisations: "\\UFFFFFFFF"', "names no character"),
        (b"a: " + b"[" * 1_000, "nested too deeply"),
        (b"[" * 60 + b"]" * 60, "nested too deeply"),
        (b"a: &a [x, x, x, x, x, x, x, x, x, x]\n"
         + b"".join(b"%c: &%c [%s]\n" % (n, n, b", ".join([b"*%c" % (n - 1)] * 10)) for n in range(98, 106)),
         "nested too deeply"),
        (b"a: 1\n---\nb: 2", "expected a single document"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_plainly(tmp_path, content, said):
    file = tmp_path / "leadline.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UnusableConfiguration, match=re.escape(said)):
        read(file, {})


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(UnusableConfiguration, match="cannot be read"):
        read(tmp_path, {})


def test_a_mark_at_the_beginning_is_not_text(tmp_path):
    file = tmp_path / "leadline.yaml"
    file.write_bytes(b"\xef\xbb\xbforganisations: []\n")
    assert read(file, {}) == Configuration()


def test_a_trunk_of_processes_in_two_countries_must_say_which_is_home(written):
    text = (CORPUS / "good" / "everything.yaml").read_text().replace(", home_region: IN}}", "}}")
    with pytest.raises(UnusableConfiguration, match="processes of GB and IN use this trunk; say which country is home"):
        written(text)


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Asia/Kolkata", "IN"), ("Asia/Calcutta", "IN"), ("Europe/London", "GB"), ("Europe/Oslo", "NO"),
        ("US/Eastern", "US"), ("Europe/Amsterdam", "NL"), ("UTC", None), ("Etc/GMT+5", None),
        ("Antarctica/Troll", None),
    ],
)  # fmt: skip
def test_the_country_of_a_time_zone(zone, country):
    assert country_of(zone) == country


def test_every_zone_of_a_continent_has_a_country_with_telephone_numbers():
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    for line in table.splitlines():
        if not line.startswith("#") and (row := line.split("\t"))[0] in phonenumbers.SUPPORTED_REGIONS:
            assert country_of(row[2]) == row[0]


GOOD = [file.read_text("utf-8") for file in sorted((CORPUS / "good").glob("*.yaml"))]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(
    ["09:00-21:00", "10m", "{{ x", "{{ x }}", "sip:{number}@127.0.0.1", "bye", "+919800000000", "*"])
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def either(text, tmp_path):
    file = tmp_path / "any.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        assert isinstance(read(file, ENV), Configuration)
    except UnusableConfiguration as refused:
        problems = refused.problems
    else:
        return
    assert problems
    assert all(problem.line > 0 and problem.column > 0 for problem in problems)


@given(text=st.text(max_size=200) | st.text("organisation: {}[]-&*!|>'\"#\n\t\\x0U", max_size=80))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_a_configuration_or_is_refused(text, tmp_path):
    either(text, tmp_path)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_good_file_with_anything_put_anywhere_is_a_configuration_or_is_refused(data, tmp_path):
    document = yaml.load(data.draw(st.sampled_from(GOOD)), yaml.BaseLoader)  # noqa: S506  (makes texts, nothing else)
    for _ in range(data.draw(st.integers(1, 3))):
        spot = document
        while True:
            keys = sorted(spot) if isinstance(spot, dict) else list(range(len(spot)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(spot[key], dict | list) or not spot[key] or data.draw(st.booleans()):
                spot[key] = data.draw(ANYTHING)
                break
            spot = spot[key]
    either(yaml.safe_dump(document, allow_unicode=True), tmp_path)


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_good_file_with_a_line_lost_is_a_configuration_or_is_refused(data, tmp_path):
    lines = data.draw(st.sampled_from(GOOD)).splitlines()
    lost = data.draw(st.integers(0, len(lines) - 1))
    moved = data.draw(st.integers(0, len(lines) - 1))
    lines[moved] = " " * data.draw(st.integers(0, 3)) + lines[moved]
    either("\n".join(lines[:lost] + lines[lost + 1 :]), tmp_path)
