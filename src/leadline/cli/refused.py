"""Records that were refused, as the push log tells them: gathered oldest first, and written to be mended."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from leadline.cli.console import say
from leadline.cli.push.batches import Batch, encoded
from leadline.cli.push.rejects import Rejects
from leadline.cli.push.row import PUSH, REQUEST, Fault, Row
from leadline.cli.push.sender import Sender

LOG: Final = "/v1/push-log"

Item = dict[str, Any]
"""A push of the log with the records that were refused of it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Records that were refused of one push, to be pushed again."""

    push: str
    """Its id."""
    request: Mapping[str, Any]
    """What it said beside its records, as far as that is known."""
    batch: Batch


async def logged(sender: Sender, servicekey: str | None, since: datetime | None) -> list[Item]:
    """The pushes of which a record was refused, oldest first, each refused record in the last of them."""
    parameters = {"rejected": "1"} | ({"servicekey": servicekey} if servicekey else {})
    items: list[Item] = []
    seen: set[tuple[str | None, bytes]] = set()
    while True:
        page = await sender.get(LOG, parameters)
        for item in page["items"]:
            if since is not None and datetime.fromisoformat(item["at"]) < since:
                return items[::-1]
            fresh = []
            for rejected in reversed(item["rejected"]):
                key = (item["servicekey"], encoded(rejected["record"]))
                if key not in seen:
                    seen.add(key)
                    fresh.append(rejected)
            if fresh:
                items.append(item | {"rejected": fresh[::-1]})
        if page.get("next") is None:
            return items[::-1]
        parameters["cursor"] = page["next"]


def parcels(items: list[Item]) -> Iterator[Parcel]:
    """The records as they came, by push."""
    for number, item in enumerate(items):
        batch = Batch(number)
        for rejected in item["rejected"]:
            batch.rows.append(Row(rejected["index"], {}))
            batch.records.append(encoded(rejected["record"]))
        yield Parcel(str(item["id"]), _request(item), batch)


def write(file: Path | None, items: list[Item]) -> None:
    """The records with their reasons and their requests: CSV by the file's name, else NDJSON."""
    rows = [row for item in items for row in _rows(item)]
    if file is not None and file.suffix.lower() == ".csv":
        Rejects(file, ()).write(rows)
    else:
        with nullcontext(sys.stdout.buffer) if file is None else file.open("xb") as written:
            for row, fault in rows:
                reasons = {"code": fault.code, "field": fault.field, "message": fault.message}
                own = {f"rejected_{name}": value for name, value in reasons.items() if value is not None}
                written.write(encoded({**row.cells, **own}) + b"\n")
            written.flush()
    if file is not None:
        say(f"{len(rows):,} records in {file}: mend them, and `leadline replay {file} --push`")


def _rows(item: Item) -> Iterator[tuple[Row, Fault]]:
    told = {"rejected_at": item["at"], PUSH: str(item["id"]), REQUEST: _request(item)}
    for rejected in item["rejected"]:
        record = rejected["record"]
        cells = record if isinstance(record, dict) else {"record": record}
        fault = Fault(rejected["code"] or "", rejected["field"], rejected["message"] or "")
        yield Row(rejected["index"], {**cells, **told}), fault


def _request(item: Item) -> dict[str, Any]:
    """What a push said beside its records; of one from before the log kept it, as much as is known."""
    return {"servicekey": item["servicekey"], **(item.get("request") or {"reqdatetime": item["at"]})}
