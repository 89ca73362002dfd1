"""Bytes are read as JSON's grammar has it; what cannot be is told with its line and column."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.intake.document import read_document
from leadline.intake.request import PushRefused, normalised

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(ANYTHING, st.booleans(), st.sampled_from(["", "\ufeff"]))
def test_what_json_writes_is_read_with_and_without_a_byte_order_mark(value, ascii_only, mark):
    text = mark + json.dumps({"data": value}, ensure_ascii=ascii_only)
    assert read_document(text.encode()) == {"data": value}


@given(st.binary(max_size=30))
def test_any_bytes_of_a_text_are_read_as_the_standard_library_reads_them_or_refused(text):
    body = b'{"name": "' + text + b'"}'
    try:
        document = json.loads(body.decode())
    except ValueError:
        with pytest.raises(PushRefused, match=r"^line \d+, column \d+: "):
            read_document(body)
    else:
        assert read_document(body) == normalised(document)


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        (b'{"a":\n"\xff"}', (2, 2), "not UTF-8"),
        (b'{"a":\n"\xed\xa0\x80"}', (2, 2), "not UTF-8"),
        (b'{"a": 1}\n\xff', (2, 1), "not UTF-8"),
        (b"[" * 100_000 + b"\n\xff", (2, 1), "not UTF-8"),
        (b'{"a":' * 100_000, (1, 1), "nested too deeply"),
        (b'[{"a": 1}]', (1, 1), "must be an object"),
        (b'\xef\xbb\xbf{"a": 1,\n}', (2, 1), "leave it out"),
        (b'{"a": 1}\n{"b": 2}', (2, 1), "Extra data"),
        (b"", (1, 1), "Expecting value"),
    ],
)
def test_the_place_of_a_fault(body, place, message):
    with pytest.raises(PushRefused, match=message) as caught:
        read_document(body)
    assert (caught.value.problem.line, caught.value.problem.column) == place
