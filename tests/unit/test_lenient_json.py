"""Lenient JSON: what is damaged in the named ways comes back exactly; every other damage is refused where it is."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.intake import lenient_json
from leadline.intake.lenient_json import DEEPEST, LISTED, Unrepairable, repair

NAMES = st.text(max_size=6) | st.sampled_from(["data", "Data", " DATA "])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["", "it's", 'say "hi"', "a,b", "{", "]", "1 2", "5″", "“x”", "\\", "\n", "data"])
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
).filter(lambda document: isinstance(document, dict | list))
MEBIBYTE = 1 << 20


@dataclass
class Damaged:
    """A document as it is written, with faults."""

    text: str
    faults: int


def damaged(document: Any, draw: Any) -> Damaged:
    """The document with any of the named faults at any of the places where it can be."""
    written = Damaged("", 0)

    def either() -> bool:
        return draw(st.booleans())

    def gap(least: int = 0) -> str:
        return draw(st.text(alphabet=" \n\t\r", min_size=least, max_size=2))

    def fault_or(sound: str, fault: str) -> str:
        if either():
            return sound
        written.faults += 1
        return fault

    def put_text(text: str) -> str:
        plain = json.dumps(text)  # curly quotes of the text itself are escaped
        opening, closing, inner = draw(st.sampled_from("“”")), draw(st.sampled_from("”″")), draw(st.sampled_from('"”'))
        return fault_or(plain, opening + plain[1:-1].replace('\\"', "\\" + inner) + closing)

    def put(value: Any) -> str:
        match value:
            case str():
                return put_text(value)
            case dict():
                return put_all("{", [put_member(name, part) for name, part in value.items()], "}")
            case list():
                return put_all("[", [put(part) for part in value], "]")
            case _:
                return json.dumps(value)

    def put_member(name: str, part: Any) -> str:
        colon = ":" if name.strip().lower() != "data" else fault_or(":", " ")
        return put_text(name) + gap() + colon + gap() + put(part)

    def put_all(opening: str, parts: list[str], closing: str) -> str:
        text = opening
        for index, part in enumerate(parts):
            if index:
                text += gap() + fault_or(",", gap(1))
            text += gap() + part
        return text + gap() + (fault_or("", "," + gap()) if parts else "") + closing

    written.text = gap() + put(document) + gap()
    return written


@given(st.data(), DOCUMENTS)
def test_what_is_damaged_in_the_named_ways_is_the_document(data, document):
    written = damaged(document, data.draw)
    repaired = repair(written.text)
    assert json.loads(repaired.text) == document
    assert len(repaired.warnings) == min(written.faults, LISTED + 1)


@given(DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
def test_a_sound_document_is_left_as_it_is(document, indent, ascii_only):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    assert repair(text) == lenient_json.Repaired(text, ())


@given(st.data(), DOCUMENTS)
def test_a_missing_quote_or_brace_is_refused_with_its_place(data, document):
    """With and without the named faults beside it; a curly quote that is missing is as bad."""
    text = damaged(document, data.draw).text
    marks = [m.start() for m in re.finditer(r'\\.|["“”″{}\[\]]', text) if m[0][0] != "\\" and not within(text, m)]
    at = data.draw(st.sampled_from(marks))
    refused(text[:at] + text[at + 1 :])


@given(st.data(), DOCUMENTS)
def test_half_a_document_is_refused_with_its_place(data, document):
    text = damaged(document, data.draw).text.rstrip()
    refused(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.data(), DOCUMENTS, st.sampled_from(list("\"'“”″{}[],:\\\n1a- ")))
def test_whatever_is_put_in_no_value_is_guessed(data, document, character):
    """A stray character is refused, or every text and number comes back as it is written."""
    text = json.dumps(document)
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + character + text[at:]
    try:
        repaired = repair(text).text
    except Unrepairable:
        refused(text)
        return
    json.loads(repaired)
    assert re.sub(r"[,:\s]", "", repaired) == re.sub(r"[,:\s]", "", text)


def within(text: str, found: re.Match[str]) -> bool:
    """Whether a brace or a bracket is part of a text."""
    if found[0] not in "{}[]":
        return False
    quotes = re.findall(r'\\.|["“”″]', text[: found.start()], re.DOTALL)
    return sum(len(quote) == 1 for quote in quotes) % 2 == 1


def refused(text: str) -> Unrepairable:
    with pytest.raises(Unrepairable) as fault:
        repair(text)
    lines = text.split("\n")
    assert 1 <= fault.value.line <= len(lines)
    assert 1 <= fault.value.column <= len(lines[fault.value.line - 1]) + 1
    assert str(fault.value) == f"line {fault.value.line}, column {fault.value.column}: {fault.value.message}"
    return fault.value


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("", 1, 1, "its value is missing"),
        ('{"a":1', 1, 7, "} is missing"),
        ('[{"a":1]', 1, 8, "the name of a node or }"),
        ('[{"a":1},\n{"b":2]', 2, 7, "the name of a node or }"),
        ('{"a":"b,\n"c":"d"}', 1, 6, "not closed on its line"),
        ('{"a":"b", c":"d"}', 1, 11, "the name of a node"),
        ('{"a":b"}', 1, 6, "must be a text in quotes"),
        ("{'a':'b'}", 1, 2, "the name of a node"),
        ("[\"a\", 'it's']", 1, 7, "single quotes"),
        ("[‘a’]", 1, 2, "single quotes"),
        ('{"a" 1}', 1, 6, "colon"),
        ('{"data"}', 1, 8, "colon"),
        ('{"data" "x": 1}', 1, 12, "must stand here"),
        ("[1,,2]", 1, 4, "a value must stand here"),
        ("[,]", 1, 2, "a value must stand here"),
        ("{,}", 1, 2, "the name of a node"),
        ('{"a":1,,}', 1, 8, "the name of a node"),
        ('["a""b"]', 1, 5, "two values touch"),
        ('["1"2]', 1, 5, "two values touch"),
        ("[“1 “2” 3”]", 1, 5, "which quote ends"),
        ('{“a":1}', 1, 4, "which quote ends"),
        ('{“a”: “5" pipe”}', 1, 9, "which quote ends"),
        ('{"a":“b}', 1, 6, "not closed"),
        ('{"name":"Ram”, "city":"Pune"}', 1, 17, "must stand here"),
        ('[{"a":1,"b":2\n"a":3,"b":4}]', 2, 1, "a for the second time"),
        ('["\\x"]', 1, 3, "no escape"),
        ('["\\u12"]', 1, 3, "no escape"),
        ('["a\tb"]', 1, 2, "not closed on its line"),
        ("[NaN]", 1, 2, "a value must be"),
        ("[01]", 1, 2, "a value must be"),
        ("[+1]", 1, 2, "a value must be"),
        ("[1.]", 1, 2, "a value must be"),
        ("[True]", 1, 2, "a value must be"),
        ("{} {}", 1, 4, "more follows"),
        ("{},", 1, 3, "more follows"),
        ("[1]\n]", 2, 1, "more follows"),
        ("[/* none */]", 1, 2, "a value must be"),
        ("\ufeff{}", 1, 1, "a value must be"),
        ("[\N{NO-BREAK SPACE}1]", 1, 2, "a value must be"),
        ("[" * 100_000, 1, DEEPEST + 1, "nested deeper"),
        ('{"a":' * 100_000, 1, 5 * DEEPEST + 1, "nested deeper"),
        ("{“a“: 1}", 1, 4, "which quote ends"),
    ],
)
def test_what_is_not_named_or_not_clear_is_refused(text, line, column, said):
    fault = refused(text)
    assert (fault.line, fault.column) == (line, column)
    assert said in fault.message


@pytest.mark.parametrize(
    ("text", "repaired", "warnings"),
    [
        ('{"Data"\n[]}', '{"Data":\n[]}', ["line 1, column 8: the missing colon behind data was put in"]),
        ('{"a":1"b":2}', '{"a":1,"b":2}', ["line 1, column 7: a missing comma was put in"]),
        ('{"a":"1"\n "b":[{}{}]\n}', '{"a":"1",\n "b":[{},{}]\n}',
         ["line 1, column 9: a missing comma was put in", "line 2, column 9: a missing comma was put in"]),
        ('[1 2\n"3"]', '[1, 2,\n"3"]',
         ["line 1, column 3: a missing comma was put in", "line 1, column 5: a missing comma was put in"]),
        ('{"a":1 ,\n}', '{"a":1 \n}', ["line 1, column 8: the comma behind the last one was taken out"]),
        ('{“a”:”say \\”hi\\"″}', '{"a":"say \\"hi\\""}',
         ["line 1, column 2: curly quotes were read as straight ones",
          "line 1, column 6: curly quotes were read as straight ones"]),
        ("[“\\\\”]", '["\\\\"]', ["line 1, column 2: curly quotes were read as straight ones"]),
        ('["a “b” c", 5.0e+10, -0,]', '["a “b” c", 5.0e+10, -0]',
         ["line 1, column 24: the comma behind the last one was taken out"]),
    ],
)  # fmt: skip
def test_every_repair_is_told_with_its_place(text, repaired, warnings):
    assert (repair(text).text, list(repair(text).warnings)) == (repaired, warnings)


def test_more_repairs_than_anybody_reads_are_counted():
    repaired = repair("[" + "1 " * 301 + "]")
    assert len(json.loads(repaired.text)) == 301
    assert len(repaired.warnings) == LISTED + 1
    assert repaired.warnings[-1] == "200 more repairs of these kinds"


class Counting:
    """A pattern that counts the characters it was shown, as far as it looked at them."""

    def __init__(self, pattern: re.Pattern[str], seen: list[int]) -> None:
        self._pattern, self._seen = pattern, seen

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        found = self._pattern.match(text, at)
        self._seen.append((found.end() if found else len(text)) - at + 1)
        return found

    def finditer(self, text: str, start: int, end: int) -> Any:
        self._seen.append(end - start)
        return self._pattern.finditer(text, start, end)

    def fullmatch(self, text: str, start: int, end: int) -> re.Match[str] | None:
        self._seen.append(end - start)
        return self._pattern.fullmatch(text, start, end)


WORST = {
    "records": ('{"data" [', '{"leadnumber":"1"\n"customercode":"1"\n“name”:”Ram”,\n"mobilenumber":"12"},\n', "]}"),
    "sound": ("[", '{"a":"b","c":[1,2,3],"d":{"e":null}},', "]"),
    "names": ('{"x":1', '\n"name%d":1,"other%d":"two"', "}"),
    "numbers": ("[", "1 ", "]"),
    "empty": ("[", "[] {}", "]"),
    "blanks": ("[1", " ", "]"),
    "lines": ("[1", "\n", "x"),
    "escapes": ('["', "\\n", '"]'),
    "curly": ("[“", "a\\”", "”]"),
    "unended": ('["', "a", ""),
    "unended escapes": ('{"a":"', '\\"', ""),
    "unended curly": ("[“", "\\”", ""),
    "one word": ("[", "a", "]"),
    "one number": ("[", "1", "x]"),
    "a name without a colon": ('{"', "data", '"}'),
}


@pytest.mark.parametrize("kind", WORST)
def test_work_grows_with_the_text_and_no_faster(kind, monkeypatch):
    """Characters looked at, never time; the largest text is 16 MiB, at which anything quadratic would never end."""
    seen: list[int] = []
    for name, value in vars(lenient_json).copy().items():
        if isinstance(value, re.Pattern):
            monkeypatch.setattr(lenient_json, name, Counting(value, seen))

    def work(size: int) -> float:
        opening, part, closing = WORST[kind]
        count = size // len(part)
        body = "".join(part % (n, n) for n in range(count)) if "%d" in part else part * count
        text = opening + body + closing
        seen.clear()
        with suppress(Unrepairable):
            repair(text)
        return sum(seen) / len(text)

    largest = 16 * MEBIBYTE if kind not in ("records", "sound", "numbers", "names", "empty") else MEBIBYTE // 4
    small, large = work(MEBIBYTE // 64), work(largest)
    assert large <= 1.1 * small
    assert large <= 8
