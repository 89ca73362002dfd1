"""What the terminal shows of what was pushed: all of it, as it is, and nothing that it would obey."""

import json

import pytest

from leadline.cli import demo, leads
from leadline.cli.console import failure, out
from leadline.cli.timeline import line_of
from leadline.domain.errors import LeadlineError

LEAD = {
    "id": 7, "state": "closed", "closed_reason": "not_dialable", "attempts": [], "due_at": None, "held_by": None,
    "number": None, "mobilenumber": "12", "name": None, "fname": "Grace", "lname": None, "servicekey": "VoiceProcess",
    "status": 1001, "fields": {},
}  # fmt: skip


@pytest.mark.parametrize("pushed", ["[/x] Eve", "[bold]Eve", "Eve :smile:", "[link=https://acme.example]Eve"])
def test_what_looks_like_markup_is_shown_as_it_was_pushed(capsys, pushed):
    leads._print_table([LEAD | {"name": pushed}])
    leads._print_lead(LEAD | {"name": pushed, "fields": {"city": pushed}}, [])
    failure(pushed)
    shown = capsys.readouterr()
    assert shown.out.count(pushed) == 3
    assert shown.err == f"error: {pushed}\n"


def test_a_control_character_is_shown_and_not_obeyed(capsys):
    leads._print_table([LEAD | {"name": "\x1b]0;owned\x07\x9b31mEve"}])
    assert r"\u001b]0;owned\u0007\u009b31mEve" in capsys.readouterr().out


def test_a_document_stays_one_that_can_be_read(capsys):
    leads._print_json({"name": "a\x7fb\x9bc"})
    assert json.loads(capsys.readouterr().out) == {"name": "a\x7fb\x9bc"}


def test_a_table_in_a_file_has_a_line_for_each_row(capsys):
    assert not out.is_terminal
    leads._print_table([LEAD | {"name": "a name that is longer than a column of a terminal of 80"}] * 3)
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_timeline_leaves_out_what_is_empty():
    event = {
        "at": "2026-11-25T12:00:05.123Z",
        "kind": "attempt.ended",
        "digits": "",
        "path": [],
        "cause": None,
        "leg": 0,
    }
    assert line_of(event).split() == ["12:00:05.123", "attempt.ended", "leg", "0"]


def test_a_demo_that_has_no_place_for_its_recordings_says_so(tmp_path):
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(LeadlineError, match=r"taken cannot be made \(File exists\): name another with --out"):
        demo.run(taken, keep=False)
