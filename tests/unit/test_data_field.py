"""The field `data` of a form or a query: raw, half encoded, or encoded as forms are."""

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.web.data_field import _AT_ONCE, data_of


@pytest.mark.parametrize(
    ("encoded", "document"),
    [
        (b'data={"a":"+91 100% & x=y"}', b'{"a":"+91 100% & x=y"}'),
        (b'x=1&data={"a":"1&data=2"}&y=2', b'{"a":"1&data=2"}&y=2'),
        (b'data={ "a":%22}', b'{ "a":%22}'),
        (b"data={%22a%22:%22+91%22}&x=1", b'{"a":"+91"}'),
        (b'data={%22a%22:1}&note="x"', b'{"a":1}'),
        (b"data=%7B%22a%22%3A%22%2B91+x%22%7D&x=1", b'{"a":"+91 x"}'),
        (b"data=%7b%7d", b"{}"),
        (b"data=+{}", b" {}"),
        (b"data=[1]", b"[1]"),
        (b"data={}", b"{}"),
        (b"data=%zz%4", b"%zz%4"),
        (b"data=", b""),
        (b" Data =1", b"1"),
        (b"d%61ta=1", b"1"),
        (b"data=1&data=2", b"1"),
        (b"", None),
        (b"data", None),
        (b"xdata=1&y", None),
        (b'{"method":"x","data":[]}', None),
        (b"&&=&", None),
    ],
)
def test_the_field_is_read_as_it_was_written(encoded, document):
    assert data_of(encoded) == document


@given(st.text(), st.sampled_from([quote, quote_plus]))
def test_what_is_encoded_comes_back(text, encode):
    if not text.startswith("{"):
        assert data_of(f"a=%26&data={encode(text, safe='')}&b=1".encode()) == text.encode()


@given(st.text())
def test_what_a_form_sends_comes_back(text):
    assert data_of(urlencode({"a": "&", "data": text, "b": "="}).encode()) == text.encode()


@given(st.binary(), st.binary())
def test_raw_documents_come_back_byte_by_byte(before, after):
    assert data_of(b'data={"' + before + b"+%41&" + after) == b'{"' + before + b"+%41&" + after


@given(st.binary())
def test_anything_at_all_is_read(encoded):
    assert data_of(encoded) is None or b"=" in encoded


@pytest.mark.parametrize("shift", range(4))
def test_escapes_are_whole_where_the_decoding_is_cut(shift):
    text = "x" * (_AT_ONCE - shift) + "é" * 3 + "y" * _AT_ONCE
    assert data_of(b"data=" + quote(text).encode()) == text.encode()
