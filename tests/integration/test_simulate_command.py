"""`leadline simulate` from outside: its page's example and options, what --set changes, what is refused."""

import os
import re
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from builders import NOON, FixedClock
from leadline.cli.commands import app
from leadline.cli.simulate.asked import Asked, Counts
from leadline.cli.simulate.changes import Changes, changed
from leadline.cli.simulate.model_file import read_model
from leadline.cli.simulate.run import run
from leadline.cli.simulate.scenarios import scenarios
from leadline.configuration.reading import starter
from leadline.domain.errors import ConfigurationError
from leadline.domain.policy import Mode
from leadline.simulation.model import Model, Shape, Times

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
DAY = "2026-11-25"
HOUR = timedelta(hours=1)


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "leadline.yaml"
    file.write_text(starter())
    return file


def asked(config, **values):
    given = {
        "config": config,
        "leads": Counts(60),
        "agents": Counts(4),
        "seed": 7,
        "day": DAY,
        "mode": Mode.PROGRESSIVE,
    }
    return Asked(**(given | values))


def scenario(config, **values):
    return scenarios(asked(config, **values), Model(), {}, FixedClock())


def leadline(arguments, directory, hash_seed="0"):
    command = [sys.executable, "-m", "leadline.cli", *arguments]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "COLUMNS": "120"}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


def test_the_example_of_its_page_prints_what_the_page_says(config):
    (command,) = re.findall(r"^```\nleadline (simulate .*)\n```$", PAGE, re.MULTILINE)
    (printed,) = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    ran = leadline(shlex.split(command), config.parent)
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert [line.split() for line in printed.splitlines()] == lines[: len(printed.splitlines())]
    assert "█" in ran.stdout


def test_the_same_seed_prints_the_same_bytes_whatever_python_hashes_by(config):
    arguments = ["simulate", "--leads", "80", "--agents", "5", "--mode", "predictive", "--day", DAY, "--json"]
    first, again = (leadline(arguments, config.parent, hash_seed) for hash_seed in ("1", "2"))
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    (day,) = msgspec.json.decode(first.stdout)
    assert sum(day["closed"].values()) == 80


def test_every_option_is_in_its_table():
    table = PAGE.split("| `leadline simulate` ")[1].split("\n\n")[0]
    options = {name for option in get_command(app).commands["simulate"].params for name in option.opts}
    assert [name for name in sorted(options) if f"`{name}`" not in table] == []


def test_the_defaults_of_the_page_are_those_of_the_model(tmp_path):
    (printed,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    file = tmp_path / "model.yaml"
    file.write_text(printed)
    assert read_model(file) == Model()
    file.write_text(printed.replace("# breaks", "breaks"))
    assert read_model(file).breaks == Times(7_200.0)
    file.write_text("talk: {shape: exponential}\nanswered: {0: 0.5}")
    assert read_model(file) == Model(talk=Times(180.0, Shape.EXPONENTIAL, 0.9), answered={0: 0.5})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("answered: {9: 1.5}", r"model.yaml:1:15: answered.9: must be 1.0 or less"),
        ("answered: {24: 0.5}", "'24' is no hour of the day; write 0 to 23"),
        ("invalid: 0.1\ntalk: {mean: 5}", "model.yaml:2:14: talk.mean: 5 has no unit"),
        ("unanswered: {lost: 1}", "unanswered.lost"),
        ("unanswered: {busy: 0}", "no weight is more than 0"),
        ("tlak: {mean: 5s}", "model.yaml:1:1: tlak: unknown key; did you mean 'talk'"),
        ("keys: {one: 1}", "'one' is nothing that a customer presses"),
        ("gathers: {welcome: {ask: {none: 0}}}", "gathers.welcome.ask: no weight"),
        ("pushed: {21: {9: 5}}", "'21' cannot be pushed here; write 5, 41, 1001"),
        ("listed: {nobody: 0.1}", "listed.nobody"),
        ("a: [", "this is not YAML"),
    ],
)
def test_a_model_that_cannot_be_used_says_where(tmp_path, written, said):
    file = tmp_path / "model.yaml"
    file.write_text(written)
    with pytest.raises(ConfigurationError, match=said):
        read_model(file)


def test_what_is_set_is_what_differs(config):
    sets = ("retry.busy.after=5m", "calling_hours.default=10:00-12:00", "trunks.telco.channels=60", "agents=9")
    (first,), (other,) = (day.parts for day in scenario(config, sets=(*sets, "mode=predictive")))
    assert (first.agents, other.agents, first.mode, other.mode) == (4, 9, Mode.PROGRESSIVE, Mode.PREDICTIVE)
    assert (first.trunks[0].channels, other.trunks[0].channels) == (10, 60)
    assert (first.policy.retry.busy.after.seconds, other.policy.retry.busy.after.seconds) == (600, 300)
    assert other.policy.calling_hours.days[0][0].opens.hour == 10
    assert first.trunks[0].prefix == other.trunks[0].prefix


def test_a_second_configuration_stands_beside_the_first(config, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(starter().replace("channels: 10 ", "channels: 44 "))
    assert [day.parts[0].trunks[0].channels for day in scenario(config, compare=other)] == [10, 44]


def test_the_day_is_that_of_the_organisation(config):
    (day,) = scenario(config, day=None)
    assert (day.begins, day.ends - day.begins) == (NOON.replace(day=23, hour=18, minute=30), 24 * HOUR)
    for until, hours in (("18:00", 18), ("2026-11-27", 72), ("2026-11-26 09:00", 33), ("2026-11-25T18:30Z", 24)):
        (day,) = scenario(config, until=until)
        assert (day.ends - day.begins) == hours * HOUR


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"sets": ["retry.busy.after"]}, "KEY=VALUE"),
        ({"sets": ["retry.busy.after=5x"]}, r"retry\.busy\.after: '5x' is no duration"),
        ({"sets": ["retry.bsy.after=5m"]}, "did you mean 'busy'"),
        ({"sets": ["trunks.nine.cps=5"]}, "'nine'"),
        ({"sets": ["trunks.telco=5"]}, "says what of"),
        ({"sets": ["mode=fast"]}, "'fast' is no mode"),
        ({"sets": ["agents=many"]}, "'many' is no number"),
        ({"sets": ["region=[a"]}, "no YAML"),
        ({"sets": ["processes.Nobody.agents=3"]}, "VoiceProcess"),
        ({"processes": ["Nobody"]}, "VoiceProcess"),
        ({"leads": Counts(1, {"VoicePrcess": 2})}, "did you mean 'VoiceProcess'"),
        ({"day": "tomorrow"}, "--day"),
        ({"day": "9999-12-31"}, "1970 to 2999"),
        ({"day": "0001-01-01"}, "1970 to 2999"),
        ({"until": "25:00"}, "--until"),
        ({"until": "9999-12-31"}, "1970 to 2999"),
        ({"agents": Counts(0)}, "--agents"),
    ],
)
def test_what_is_refused_says_what_to_write(config, values, said):
    with pytest.raises(ConfigurationError, match=said):
        scenario(config, **values)


def test_the_file_itself_stays_as_it_is(config):
    changed(config, ["VoiceProcess"], Changes.of(["retry.busy.after=5m"]), {})
    assert config.read_text() == starter()


def test_the_picture_is_a_png(config, tmp_path):
    png = tmp_path / "day.png"
    run(asked(config, png=png, sets=["agents=8"]), {}, FixedClock())
    assert png.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigurationError, match="another --png"):
        run(asked(config, png=tmp_path / "none" / "day.png", as_json=True), {}, FixedClock())


def test_without_matplotlib_it_is_said_how_to_get_it(config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match=r"leadline\[simulate\]"):
        run(asked(config, png=tmp_path / "day.png", as_json=True), {}, FixedClock())


TWO = """
organisations:
  - name: Acme
    apikey: k
    timezone: Asia/Kolkata
    do_not_call: ["+918123456790"]
    users: [{login: asha, endpoint: "sip:asha@192.0.2.7"}]
    processes:
      - {servicekey: Reminders, flow: remind}
      - {servicekey: Sales, mode: progressive, users: [asha]}
      - {servicekey: Callers, direction: inbound}
trunks:
  - {name: telco, uri: "sip:{number}@127.0.0.1:5062", prefix: {national: "0", home_region: IN}}
flows:
  - name: remind
    start: ask
    nodes:
      ask: {gather: {digits: 1}, on: {"1": agent, none: bye}}
      agent: {transfer: {queue: Sales}, on: {no_agent: bye, ended: bye}}
      bye: {hangup: {outcome: completed}}
"""


@pytest.fixture
def two(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    return file


def test_all_processes_that_call_are_simulated_each_with_its_own(two):
    sets = ("processes.Sales.ring_timeout=20s", "limits.per_lead.day=2", "processes.Sales.agents=9")
    given = {"leads": Counts.of(["30", "Sales=20"], "--leads", 1, 99), "mode": None, "sets": sets}
    first, other = (day.parts for day in scenario(two, **given))
    assert [(part.policy.servicekey, part.leads, part.agents) for part in first] == [
        ("Reminders", 30, 4),
        ("Sales", 20, 4),
    ]
    assert [part.flow is None for part in first] == [False, True]
    assert first[0].do_not_call == {"+918123456790"}
    assert [(part.agents, part.policy.ring_timeout.seconds, part.policy.limits.per_lead.day) for part in other] == [
        (4, 30, 2),
        (9, 20, 2),
    ]


def test_a_process_that_is_only_transferred_to_is_taken_along(two):
    (day,) = scenario(two, processes=["Reminders"], mode=None)
    assert [(part.policy.servicekey, part.leads, part.agents, part.taken_along) for part in day.parts] == [
        ("Reminders", 60, 4, False),
        ("Sales", 0, 4, True),
    ]


def test_one_day_shows_its_processes_side_by_side_and_two_days_each_by_itself(two, capsys):
    run(asked(two, mode=None), {}, FixedClock())
    assert capsys.readouterr().out.split()[:4] == ["Reminders", "Sales", "all", "processes"]
    run(asked(two, mode=None, sets=["agents=9"]), {}, FixedClock())
    shown = capsys.readouterr().out
    assert [title for title in ("all processes", "Reminders", "Sales") if f"\n{title}" in f"\n{shown}"] == [
        "all processes",
        "Reminders",
        "Sales",
    ]
    assert "+10" in shown.split("agents", 1)[1].splitlines()[0], "two processes with five agents more each"


@pytest.mark.parametrize(
    ("gathers", "said"),
    [("{rmind: {ask: {none: 1}}}", "did you mean 'remind'"), ("{remind: {aks: {none: 1}}}", "did you mean 'ask'")],
)
def test_chances_of_a_question_that_nobody_asks_are_refused(two, tmp_path, gathers, said):
    file = tmp_path / "model.yaml"
    file.write_text(f"gathers: {gathers}")
    with pytest.raises(ConfigurationError, match=said):
        run(asked(two, mode=None, model=file), {}, FixedClock())


@pytest.mark.parametrize(
    ("written", "said"), [("Sales=many", "'many' is no number"), ("100000", "up to 99"), ("-1", "no number")]
)
def test_counts_that_are_none_are_refused(written, said):
    with pytest.raises(ConfigurationError, match=said):
        Counts.of([written], "--leads", 1, 99)
