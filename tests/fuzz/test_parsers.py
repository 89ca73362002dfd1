"""The fuzz target, for as long as a test may take; endless in `parsers.py`."""

from hypothesis import given
from hypothesis import strategies as st
from mutation import mutated, seeds
from parsers import one_input


def test_mutated_documents_are_read_or_refused_with_their_place():
    for data in mutated(seeds(), 3_000, seed=3):
        one_input(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_their_place(data):
    one_input(data)
