"""A file of refused records, mended, goes back with each record's own request; what cannot is refused before that."""

import csv
import json

import pytest

from leadline.cli.mended import mended
from leadline.cli.push.errors import CannotPush
from leadline.cli.refused import write

FIRST = {"media": 12, "updateparam": "mobilenumber", "reqdatetime": "2026-11-24T06:30:00Z"}
SECOND = {**FIRST, "media": 11, "updateparam": "customercode", "calltype": " 21", "userlogin": {"a": "ॐ"}}


def an_item(number, request, *records, servicekey="P"):
    rejected = [
        {
            "index": index,
            "code": "missing_key",
            "field": "mobilenumber",
            "message": "push it with one",
            "record": record,
        }
        for index, record in enumerate(records)
    ]
    at = "2026-11-24T06:30:01Z"
    return {"id": number, "at": at, "servicekey": servicekey, "request": request, "rejected": rejected}


def again(file):
    """What is pushed of the file: by push its request and its records."""
    return [
        (parcel.push, parcel.request, [json.loads(record) for record in parcel.batch.records])
        for parcel in mended(file)
    ]


@pytest.mark.parametrize("name", ["mend.csv", "mend.ndjson", "mend.json", "mend"])
def test_every_record_goes_back_to_its_push_by_itself(tmp_path, name):
    file = tmp_path / name
    records = [{"name": "A", "Call_Type": "5"}, {"name": 'B;,"\n'}, {"city": "Pune"}]
    write(file, [an_item(3, FIRST, *records[:2]), an_item(4, FIRST, records[2]), an_item(9, SECOND, records[0])])
    assert again(file) == [
        ("3", {"servicekey": "P", **FIRST}, records[:2]),
        ("4", {"servicekey": "P", **FIRST}, records[2:]),
        ("9", {"servicekey": "P", **SECOND}, records[:1]),
    ]


def test_ndjson_keeps_records_as_they_came(tmp_path):
    record = {"Phone": None, "name": "", "number": 1.0, "plan": {"a": [1, None]}}
    write(tmp_path / "mend.ndjson", [an_item(3, FIRST, record)])
    ((_, _, records),) = again(tmp_path / "mend.ndjson")
    assert records == [record]


def test_of_a_push_from_before_requests_were_kept_goes_what_is_known(tmp_path):
    write(tmp_path / "mend.csv", [an_item(3, None, {"name": "A"}, servicekey=None)])
    ((_, request, _),) = again(tmp_path / "mend.csv")
    assert request == {"servicekey": None, "reqdatetime": "2026-11-24T06:30:01Z"}


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"media": 12}'])
def test_a_row_that_does_not_say_its_request_is_named(tmp_path, damaged):
    file = tmp_path / "mend.csv"
    write(file, [an_item(3, FIRST, {"name": "A"}, {"name": "B"})])
    with file.open(newline="") as read:
        rows = list(csv.DictReader(read))
    rows[1]["rejected_request"] = damaged
    with file.open("w", newline="") as written:
        writer = csv.DictWriter(written, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(CannotPush, match=r"mend\.csv, row 3: rejected_request .* `leadline push`"):
        again(file)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mend.csv", "name,rejected_request\nA,x,y\n", "row 2: the row has 3 cells"),
        ("mend.ndjson", '{"name": "A",}\n', "row 1: the line is not JSON"),
        ("mend.csv", "", "is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_where_it_is_wrong(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(CannotPush) as refused:
        again(tmp_path / name)
    assert said in str(refused.value)
