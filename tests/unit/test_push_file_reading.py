"""A file is read as it was written, whatever it is packed, encoded and delimited by; what is unsure is refused."""

import csv
import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.cli.push.csv_rows import CsvRows, sniffed
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.formats import Format, opened, shape_of
from leadline.cli.push.json_rows import PART, json_rows, nodes_of
from leadline.cli.push.source import source_of

NAMES = "name;number\nŚuvarṇā;1\n"


def read(path: Path, **options):
    """The format that was recognised, and the rows."""
    with source_of(str(path), options.get("encoding")) as source:
        shape = shape_of(source, options.get("format"), options.get("delimiter"))
        with opened(source, shape) as rows:
            return shape, list(rows.each)


def cells(path: Path, **options):
    return [dict(row.cells) for row in read(path, **options)[1]]


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_mark_or_utf8_tells_is_read(tmp_path, encoding, packed):
    data = NAMES.encode(encoding)
    file = tmp_path / ("a.csv.gz" if packed else "a.csv")
    file.write_bytes(gzip.compress(data) if packed else data)
    assert cells(file) == [{"name": "Śuvarṇā", "number": "1"}]


def test_what_is_not_utf8_is_read_as_windows_1252_and_that_is_a_guess(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(
        b"name\n" + b"plain" * 20 + b"\n" + (b"plain" * 20 + b"\n") * 15_000 + "Renée €\n".encode("cp1252")
    )
    assert cells(file)[-1] == {"name": "Renée €"}
    with source_of(str(file), None) as source:
        assert (source.encoding, source.guessed) == ("cp1252", True)
    with source_of(str(file), "cp1252") as source:
        assert not source.guessed
    file.write_bytes("Renée".encode("cp1250"))
    with source_of(str(file), "cp1250") as source:
        assert source.encoding == "cp1250"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "save it as CSV"),
        ("name\nनमस्ते\n".encode() + b"\xff\n", "UTF-8 but for 1 places (line 3"),
        (b"name\nx\x81y\n", "line 2: the byte 0x81"),
        ("name\nx\n".encode("utf-16-le"), "--encoding utf-16-le"),
        (gzip.compress(b"name\n" + bytes(range(256)) * 50)[:-20], "cannot be unpacked"),
        (b"  \n\n", "nothing but blanks"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_remedy(tmp_path, data, said):
    file = tmp_path / "a.csv"
    file.write_bytes(data)
    with pytest.raises(CannotPush) as refused:
        read(file)
    assert said in str(refused.value)


def test_an_encoding_that_is_none_or_does_not_fit_is_said(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b"name\n\xe9\n")
    with pytest.raises(CannotPush, match="klingon is not known"):
        read(file, encoding="klingon")
    with pytest.raises(CannotPush, match="line 2: the byte 0xe9 is not utf-8"):
        read(file, encoding="utf-8")
    with pytest.raises(CannotPush, match="no such file"), source_of(str(tmp_path / "none"), None):
        pass
    with pytest.raises(CannotPush, match="directory"), source_of(str(tmp_path), None):
        pass


# Formats


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.csv", "[a]\n1\n", Format.CSV),
        ("a.json", '[{"a": 1}]', Format.JSON),
        ("a.json", '{"a": 1}\n{"a": 2}\n', Format.NDJSON),
        ("a.jsonl", '{"a": 1}\n', Format.NDJSON),
        ("a", '{"Data": [{"a": 1}], "media": 11}', Format.JSON),
        ("a", '\n {\n "media": 11,\n "data": [{"a": 1}]}', Format.JSON),
        ("a", "a\tb\n1\t2\n", Format.CSV),
    ],
)
def test_a_format_is_known_by_name_or_content(tmp_path, name, text, wanted):
    (tmp_path / name).write_text(text)
    shape, rows = read(tmp_path / name)
    assert shape.format is wanted
    assert rows


def test_a_document_says_its_nodes_wherever_they_stand(tmp_path):
    file = tmp_path / "a.json"
    file.write_text('{"METHOD": "x", "Data": [{"a": 1}, {"a": 2}], " Media ": 11}')
    shape, rows = read(file)
    assert (shape.is_document, shape.nodes) == (True, {"method": "x", "media": 11})
    assert [row.cells["a"] for row in rows] == [1, 2]


# CSV

cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(
    st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_a_csv_comes_back_as_it_was_written(rows, delimiter, line_end):
    header = ["one", "two", "three"]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    wanted = [row for row in rows if any(part.strip() for part in row)]
    read = CsvRows(io.StringIO(written.getvalue(), newline=""), delimiter, "x")
    assert [list(row.cells.values()) for row in read] == wanted


plain = st.text(st.sampled_from("abc 123'.é"), min_size=1, max_size=8)


@given(
    st.lists(st.lists(plain, min_size=3, max_size=3), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
)
def test_the_delimiter_is_found_out(rows, delimiter):
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter).writerows([["one", "two", "three"], *rows])
    assert sniffed(written.getvalue(), whole=True) == delimiter


def test_a_delimiter_inside_quotes_and_text_does_not_deceive():
    assert sniffed('name;address\n"a, b, c";"x, y"\nd, e;f\n', whole=True) == ";"
    assert sniffed("name\nx\n", whole=True) == ","


def rows_of(text, delimiter=","):
    return list(CsvRows(io.StringIO(text, newline=""), delimiter, "x.csv"))


def test_rows_are_counted_as_a_spreadsheet_does():
    rows = rows_of('a,b\n1,"x\ny"\n\n,\n2\n')
    assert [(row.number, dict(row.cells)) for row in rows] == [(2, {"a": "1", "b": "x\ny"}), (5, {"a": "2"})]
    assert [row.number for row in rows_of("sep=;\na;b\n1;2\n", ";")] == [3]


def test_a_row_with_too_many_cells_is_a_fault_of_its_own():
    good, bad, trailing = rows_of("a,b\n1,2\n3,4,5\n6,7,,\n")
    assert (good.fault, trailing.fault) == (None, None)
    assert bad.fault.code == "too_many_cells"
    assert bad.cells["rejected_cells"] == "5"


@pytest.mark.parametrize(
    ("text", "said"),
    [('a,b\n1,"x\n2,y\n', "a quote not closed"), ('a\n"x"y\n', "line 2, row 2"), ("a,a\n1,2\n", "'a' twice")],
)
def test_a_csv_that_cannot_be_told_apart_is_refused(text, said):
    with pytest.raises(CannotPush) as refused:
        rows_of(text)
    assert said in str(refused.value)


# JSON

json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Dripping(io.StringIO):
    """Gives a few characters at a time."""

    def __init__(self, text, most):
        super().__init__(text)
        self.most = most

    def read(self, size=-1):
        return super().read(min(size, self.most))


@given(st.lists(st.dictionaries(st.text(), json_value, max_size=4), max_size=6), st.integers(1, 9), st.booleans())
def test_a_json_array_comes_back_however_it_arrives(records, most, is_document):
    text = json.dumps({"media": 11, "data": records, "verbose": 1} if is_document else records, indent=1)
    assert [dict(row.cells) for row in json_rows(Dripping(text, most), "x")] == records
    if is_document:
        assert nodes_of(Dripping(text, most), "x") == {"media": 11, "verbose": 1}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[{"a": 1},\n {"a": }]', "line 2, column 8"),
        ('[{"a": 1}\n{"a": 2}]', "line 2, column 1"),
        ('[{"a": 1},]', "line 1, column 11"),
        ('[{"a": 1}', "line 1, column 10"),
        ('[{"a": 1}] x', "line 1, column 12"),
        ('[{"a": NaN}]', "NaN is not JSON"),
        ('{"media": 11}', "no array `data`"),
        ("[" * 100_000, "nested too deeply"),
        ('"text"', "begins with [ or {"),
        ('[{"a": ' + "9" * 5_000 + "}]", "5000 digits"),
    ],
)
def test_broken_json_is_refused_with_its_place(text, place):
    with pytest.raises(CannotPush) as refused:
        list(json_rows(io.StringIO(text), "x.json"))
    assert place in str(refused.value)


def test_a_place_far_into_a_file_is_told():
    text = "[\n" + '{"a": "' + "x" * 90 + '"},\n' + ('{"a": 1},\n' * (PART // 4)) + "oops]"
    with pytest.raises(CannotPush, match=f"line {PART // 4 + 3}, column 1"):
        list(json_rows(io.StringIO(text), "x.json"))


def test_a_broken_line_of_ndjson_takes_no_neighbour_down(tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_text('{"a": 1}\n{"a": \n\n[1]\n{"a": 2}\n')
    rows = read(file)[1]
    assert [(row.number, row.fault and row.fault.code) for row in rows] == [
        (1, None), (2, "malformed_json"), (4, "not_an_object"), (5, None),
    ]  # fmt: skip
    assert rows[1].cells == {"line": '{"a":'}


def test_a_file_that_is_no_ndjson_is_refused_whole(tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_text("1,2\n3,4\n")
    with pytest.raises(CannotPush, match="each line must be an object"):
        read(file)


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.ndjson"])
def test_a_large_file_is_read_a_row_at_a_time(tmp_path, name):
    """After the first row of many, no more than a part of the file has been read."""
    lines = [f'{{"a": "{number:080}"}}' for number in range(60_000)]
    body = {"a.csv": "a\n" + "\n".join(f"{number:080}" for number in range(60_000)), "a.json": f"[{','.join(lines)}]"}
    file = tmp_path / name
    file.write_text(body.get(name) or "\n".join(lines))
    with source_of(str(file), None) as source, opened(source, shape_of(source, None, None)) as rows:
        first = next(rows.each)
        assert len(first.cells["a"]) == 80
        assert rows.position() <= source.size // 2
        assert sum(1 for _ in rows.each) == 59_999
        assert rows.position() == source.size
