"""The plan names what differs between the file and what is kept, and refuses what is not the file's to change."""

from dataclasses import replace
from pathlib import Path

import pytest

from leadline.configuration.plan import Plan, compare
from leadline.configuration.reading import read
from leadline.configuration.rows import rows_of
from leadline.domain.errors import ConfigurationError
from leadline.store.catalogue import key_hash
from leadline.store.configuration import Kept, ListedRow, OrganisationRow, ProcessRow

FILE = Path(__file__).parents[1] / "corpus" / "configuration" / "good" / "everything.yaml"


@pytest.fixture(scope="module")
def rows():
    return list(rows_of(read(FILE, {"TRUNK_PASSWORD": "x"})))


def kept(rows, *, origin="file", retired=False):
    return [Kept(row, origin, retired) for row in rows]


def changed(rows, kind, **values):
    """The rows with one of a kind changed, the first."""
    first = next(row for row in rows if isinstance(row, kind))
    return [replace(row, **values) if row is first else row for row in rows]


def test_an_empty_database_gets_everything_owners_first(rows):
    made = compare(rows, [])
    assert made.lines == (
        "+ organisation Acme",
        "+ organisation Beta",
        "+ trunk telco",
        "+ trunk gsm",
        "+ user asha of Acme",
        "+ user boss of Acme",
        "+ process VoiceProcess of Acme",
        "+ process Inbound of Acme",
        "+ process Previews of Acme",
        "+ process Progress of Acme",
        "+ do_not_call +919800000000 of Acme",
        "+ do_not_call +919800000001 of Acme",
        "+ process BetaProcess of Beta",
    )


def test_what_agrees_needs_no_plan(rows):
    assert compare(rows, kept(rows)) == Plan()
    assert not compare(rows, kept(rows))


def test_an_empty_file_retires_everything_owners_last(rows):
    lines = compare([], kept(rows)).lines
    assert len(lines) == len(rows)
    assert lines[-2:] == ("- organisation Acme", "- organisation Beta")


def test_what_is_retired_already_or_came_by_another_way_is_left_alone(rows):
    assert compare([], kept(rows, retired=True)) == Plan()
    assert compare([], kept(rows, origin="api")) == Plan()


def test_what_is_retired_comes_back(rows):
    listed = [row for row in rows if isinstance(row, ListedRow)]
    lines = compare(rows, kept(rows, retired=True)).lines
    assert "+ process VoiceProcess of Acme" in lines
    assert len(lines) == len(rows) - len(listed)


def test_a_change_names_its_keys(rows):
    policy = next(row.policy for row in rows if isinstance(row, ProcessRow))
    before = changed(rows, ProcessRow, policy=replace(policy, caller_id=None, spoken=(), calling_hours=None))
    before = changed(before, OrganisationRow, tts_until=None, timezone="UTC")
    assert compare(rows, kept(before)).lines == (
        "~ organisation Acme (subscriptions, timezone)",
        "~ process VoiceProcess of Acme (caller_id, calling_hours)",
    )


def test_another_flow_is_a_change_of_the_process(rows):
    assert compare(rows, kept(changed(rows, ProcessRow, flow=None))).lines == ("~ process VoiceProcess of Acme (flow)",)


def test_a_policy_that_cannot_be_read_is_written_anew(rows):
    assert compare(rows, kept(changed(rows, ProcessRow, policy=None))).lines == (
        "~ process VoiceProcess of Acme (policy)",
    )


def test_whoever_keeps_the_key_is_the_same_organisation_by_another_name(rows):
    renamed = [
        replace(row, name="Acme Ltd") if isinstance(row, OrganisationRow) and row.name == "Acme"
        else replace(row, organisation="Acme Ltd") if getattr(row, "organisation", None) == "Acme"
        else row
        for row in rows
    ]  # fmt: skip
    made = compare(renamed, kept(rows))
    assert made.lines == ("~ organisation Acme Ltd (name)",)
    assert made.renames == {"Acme": "Acme Ltd"}


@pytest.mark.parametrize(("origin", "retired"), [("file", True), ("api", False)])
def test_the_key_of_an_organisation_that_is_not_in_the_file_is_refused(rows, origin, retired):
    other = OrganisationRow(name="Old", apikey=key_hash("acme_key"), timezone="UTC", lenient_json=False, tts_until=None)
    with pytest.raises(ConfigurationError, match="API key of organisation Acme is that of organisation Old"):
        compare(rows, [Kept(other, origin, retired)])


def test_a_servicekey_cannot_move_to_another_organisation(rows):
    before = changed(rows, ProcessRow, organisation="Beta")
    for retired in (False, True):
        with pytest.raises(ConfigurationError, match="VoiceProcess of Acme belongs to Beta, whose leads are kept"):
            compare(rows, kept(before, retired=retired))


def test_what_was_made_by_api_is_refused_all_at_once_but_for_numbers_listed(rows):
    with pytest.raises(ConfigurationError) as refused:
        compare(rows, kept(rows, origin="api"))
    assert len(str(refused.value).splitlines()) == len([row for row in rows if not isinstance(row, ListedRow)])
    assert "trunk telco was not made by a configuration file" in str(refused.value)
