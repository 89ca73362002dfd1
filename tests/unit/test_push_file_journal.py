"""A push that was broken off goes on where it was, and only as it was begun."""

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.cli.push.batches import LARGEST, METHOD, Envelope, batches
from leadline.cli.push.columns import Columns
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.formats import Rows
from leadline.cli.push.journal import Done, Journal, Plan
from leadline.cli.push.rejects import Rejects
from leadline.cli.push.row import Fault, Row
from leadline.cli.push.sender import PATH
from leadline.intake import request
from leadline.web import vendor

PLAN = Plan({"servicekey": "P", "batch": 2}, "2026-11-25T10:00:00Z", "")
FIRST, SECOND = (Done(f"file-{number}", 2, 2 * number + 1, {"created": 2}, {}) for number in (1, 2))
ENVELOPE = Envelope("secret", {"servicekey": "P", "media": "12"})


def begun(file, *done):
    journal = Journal.open(file, PLAN, restart=False)
    for batch in done:
        journal.finished(batch)
    journal.close()


# The journal


def test_it_goes_on_with_what_was_finished_and_at_the_same_moment(tmp_path):
    begun(tmp_path / "j", FIRST, SECOND)
    later = Plan(PLAN.parameters, "2027-01-01T00:00:00Z", "")
    journal = Journal.open(tmp_path / "j", later, restart=False)
    assert (journal.done, journal.plan) == ([FIRST, SECOND], PLAN)
    journal.close()


def test_a_line_that_was_being_written_is_dropped(tmp_path):
    begun(tmp_path / "j", FIRST, SECOND)
    whole = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(whole[:-5])
    begun(tmp_path / "j", SECOND)
    assert (tmp_path / "j").read_bytes() == whole


def test_another_way_of_pushing_is_refused_with_what_is_other(tmp_path):
    begun(tmp_path / "j", FIRST)
    other = Plan({"servicekey": "Q", "batch": 2}, PLAN.reqdatetime, "")
    with pytest.raises(CannotPush, match=r"--servicekey P\).*--restart"):
        Journal.open(tmp_path / "j", other, restart=False)
    journal = Journal.open(tmp_path / "j", other, restart=True)
    assert (journal.done, journal.plan) == ([], other)
    journal.close()


def test_two_pushes_cannot_have_it_at_once(tmp_path):
    journal = Journal.open(tmp_path / "j", PLAN, restart=False)
    with pytest.raises(CannotPush, match="another push"):
        Journal.open(tmp_path / "j", PLAN, restart=False)
    journal.close()


def test_what_is_no_journal_is_not_overwritten(tmp_path):
    (tmp_path / "j").write_text("my notes\n")
    with pytest.raises(CannotPush, match="no journal"):
        Journal.open(tmp_path / "j", PLAN, restart=False)
    assert (tmp_path / "j").read_text() == "my notes\n"
    with pytest.raises(CannotPush, match="--journal FILE"):
        Journal.open(tmp_path / "none" / "j", PLAN, restart=False)


def test_one_in_which_nothing_stands_is_not_kept(tmp_path):
    begun(tmp_path / "j")
    assert not (tmp_path / "j").exists()
    begun(tmp_path / "j", FIRST)
    assert (tmp_path / "j").exists()


# Batches


def made(rows, size=2):
    """Batches of rows given as records."""
    each = (Row(number, cells) for number, cells in enumerate(rows, start=2))
    return list(batches(Rows(each, (), lambda: 0), Columns({}, print, exact=True, keeps_blanks=True), size))


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), max_size=9), st.integers(1, 4))
def test_every_row_is_in_one_batch_in_its_order(rows, size):
    made_batches = made(rows, size)
    assert [row.cells for batch in made_batches for row in batch.rows] == rows
    assert all(batch.size == size for batch in made_batches[:-1])
    for batch in made_batches:
        document = json.loads(ENVELOPE.document(batch, requestid="r"))
        assert document.pop("data") == [row.cells for row in batch.rows]
        assert document == {"method": METHOD, "apikey": "secret", "servicekey": "P", "media": "12", "requestid": "r"}


def test_a_request_holds_no_more_than_can_be_taken_and_a_row_that_cannot_be_is_refused():
    big = {"a": "x" * (LARGEST // 2)}
    first, second = made([big, big, {"a": "x" * LARGEST}], 10)
    assert (first.size, second.size) == (1, 2)
    assert [fault.code for _, fault in second.refused] == ["record_too_large"]


def test_a_request_is_known_by_all_that_it_says_but_the_api_key():
    (batch,) = made([{"a": "1"}])
    known = ENVELOPE.requestid(batch)
    assert Envelope("other", ENVELOPE.nodes).requestid(batch) == known
    assert known not in {
        Envelope("secret", {"servicekey": "Q", "media": "12"}).requestid(batch),
        Envelope("secret", ENVELOPE.nodes, "salt").requestid(batch),
        ENVELOPE.requestid(made([{"a": "2"}])[0]),
        ENVELOPE.requestid(made([{"a": "1"}, {}])[0]),
    }
    assert "secret" not in repr(ENVELOPE)


def test_halves_of_characters_and_large_numbers_are_passed_on_as_json():
    (batch,) = made([{"a": "\ud800", "b": 2**80}])
    assert json.loads(ENVELOPE.document(batch))["data"] == [{"a": "\ud800", "b": 2**80}]


def test_what_is_written_again_here_is_what_leadline_listens_to():
    assert (PATH, METHOD) == (vendor.PATH, request.METHOD)


# Refused rows


def refused(number, **cells):
    return Row(number, cells), Fault("16", "calldatetime", "cannot be read")


def lines(file, **options):
    with file.open(encoding="utf-8", newline="") as read:
        return list(csv.DictReader(read, **options))


def test_refused_rows_are_written_with_their_reasons(tmp_path):
    file = tmp_path / "r.csv"
    rejects = Rejects(file, ("name", "city"), delimiter=";")
    rejects.write([])
    assert not file.exists()
    rejects.write([refused(3, name='A;\r\n"x"', city="Pune")])
    rejects.write([refused(9, name="B", rejected_cells="5")])
    first, second = lines(file, delimiter=";")
    assert first == {
        "rejected_row": "3", "rejected_code": "16", "rejected_field": "calldatetime", "rejected_cells": "",
        "rejected_message": "cannot be read", "name": 'A;\r\n"x"', "city": "Pune",
    }  # fmt: skip
    assert (second["rejected_row"], second["rejected_cells"], second["city"]) == ("9", "5", "")


def test_rows_of_batches_that_are_pushed_again_are_dropped(tmp_path):
    file = tmp_path / "r.csv"
    Rejects(file, ("name",)).write([refused(3, name="A"), refused(7, name="B")])
    rejects = Rejects(file, ("name",))
    rejects.keep_until(5)
    rejects.write([refused(7, name="B", plan={"a": [1]})])
    assert [(row["name"], row["plan"]) for row in lines(file)] == [("A", ""), ("B", '{"a":[1]}')]
    rejects.keep_until(0)
    assert not file.exists()


def test_a_spreadsheets_file_gets_its_mark_back(tmp_path):
    file = tmp_path / "r.csv"
    Rejects(file, ("name",), marked=True).write([refused(3, name="é")])
    Rejects(file, ("name",), marked=True).write([refused(4, name="ü", x="1")])
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert file.read_text("utf-8-sig").count("\ufeff") == 0
    assert len(file.read_text("utf-8-sig").splitlines()) == 3
