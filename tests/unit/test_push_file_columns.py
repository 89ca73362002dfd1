"""A column is a node by its name, by what people call it, or as it was told; nothing is ever two things at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.cli.push.columns import NODES, PROPOSALS, Ambiguous, Columns, told_of
from leadline.cli.push.errors import CannotPush


def columns(*maps, exact=False, keeps_blanks=False, said=None):
    say = said.append if said is not None else lambda _: None
    return Columns(told_of(maps), say, exact=exact, keeps_blanks=keeps_blanks)


def nodes(*header, maps=(), **options):
    """Which node each column is; its own name where it is none."""
    return columns(*maps, keeps_blanks=True, **options).record({column: column for column in header})


def test_a_nodes_own_name_counts_however_it_is_spelled():
    assert nodes("Mobile Number", "CALL_TYPE", " call-type2", "FName", "City") == {
        "mobilenumber": "Mobile Number", "calltype": "CALL_TYPE", " call-type2": " call-type2", "fname": "FName",
        "City": "City",
    }  # fmt: skip


def test_what_people_call_a_node_is_proposed_and_said_once():
    said = []
    made = columns(said=said)
    for _ in range(2):
        assert made.record({"Phone": "1", "E-Mail": "a@b", "First Name": "A"}) == {
            "mobilenumber": "1", "emailid": "a@b", "fname": "A",
        }  # fmt: skip
    assert len(said) == 3
    assert any("'Phone' is taken for mobilenumber" in sentence and "--map 'Phone=" in sentence for sentence in said)


def test_an_alias_gives_way_to_the_own_name_and_to_a_likelier_one():
    assert nodes("phone", "mobilenumber") == {"phone": "phone", "mobilenumber": "mobilenumber"}
    assert nodes("phone", "mobile") == {"phone": "phone", "mobilenumber": "mobile"}
    assert nodes("phone", exact=True) == {"phone": "phone"}


def test_what_is_told_decides():
    assert nodes("phone", "tel 2", "x=y", maps=["tel 2=Mobile Number", "x=y=Plan", "phone="]) == {
        "mobilenumber": "tel 2", "Plan": "x=y",
    }  # fmt: skip
    for wrong in ("phone", "=name"):
        with pytest.raises(CannotPush, match="COLUMN=NODE"):
            told_of([wrong])


def test_two_columns_that_are_one_node_are_refused():
    with pytest.raises(Ambiguous, match="'Mobile Number' and 'mobilenumber' are both mobilenumber"):
        nodes("Mobile Number", "mobilenumber")
    with pytest.raises(CannotPush, match="both plan"):
        columns("a=plan", "b=plan").check(["mobilenumber", "a", "b"], "mobilenumber")


def test_a_header_without_the_key_or_a_told_column_is_refused_before_anything_is_sent():
    with pytest.raises(CannotPush, match="--map COLUMN=mobilenumber"):
        columns().check(["name", "city"], "mobilenumber")
    with pytest.raises(CannotPush, match=r"--map tel=.*there are name, city"):
        columns("tel=mobilenumber").check(["name", "city"], "mobilenumber")
    columns().check(["name", "city"], "crmuniquefield")  # which node that is, only the process knows


def test_empty_cells_are_left_out_unless_they_are_to_clear():
    cells = {"name": " ", "city": "Pune", "plan": None}
    assert columns().record(cells) == {"city": "Pune"}
    assert columns(keeps_blanks=True).record(cells) == cells


def test_our_own_columns_of_refused_rows_are_not_pushed():
    cells = {"rejected_row": "2", "rejected_code": "16", "rejected_message": "x", "rejected_by": "me", "name": "A"}
    assert columns().record(cells) == {"rejected_by": "me", "name": "A"}


def test_no_alias_is_of_two_nodes_or_a_node_itself():
    names = [name for proposed in PROPOSALS.values() for name in proposed]
    assert len(set(names)) == len(names)
    assert not set(names) & NODES
    assert set(PROPOSALS) <= NODES


@given(st.lists(st.sampled_from([*NODES, "phone", "mobile", "email", "x", "First Name"]), unique=True))
def test_no_cell_is_lost(header):
    assert sorted(nodes(*header).values()) == sorted(header)
