"""`leadline replay`: records that were refused, out of the push log, to be mended or pushed again as they are.

Oldest first, so that what was pushed later decides; a record that was refused more than once is taken once.
"""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import uvloop

from leadline.cli.console import say
from leadline.cli.push.batches import Batch, Envelope, encoded
from leadline.cli.push.door import Door
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.forecast import Forecast
from leadline.cli.push.kept import INTERRUPTED, REFUSED_SOME
from leadline.cli.push.rejects import Rejects
from leadline.cli.push.row import Fault, Row
from leadline.cli.push.sender import Sender, Stopped
from leadline.cli.push.tally import Tally, faults_of
from leadline.clock import SystemClock

LOG: Final = "/v1/push-log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records, and what becomes of them."""

    file: Path | None = None
    since: str | None = None
    servicekey: str | None = None
    push: bool = False
    dry_run: bool = False
    updateparam: str = "mobilenumber"
    media: str = "12"
    """For pushes whose log does not tell."""


def replay(wanted: Wanted, door: Door) -> int:
    """Write the records to the file (standard output without one), or push them; the exit code."""
    since = _moment(wanted.since)
    if wanted.file is not None and wanted.file.exists():
        raise CannotPush(f"{wanted.file} is there already: give another file")
    if wanted.file is not None and (wanted.push or wanted.dry_run):
        raise CannotPush("give a file to mend the records in, or --push or --dry-run: not both")
    return uvloop.run(_replay(wanted, since, door))


async def _replay(wanted: Wanted, since: datetime | None, door: Door) -> int:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopping.set)
    try:
        async with Sender(door.url, door.apikey, stopping, say) as sender:
            items = await _logged(sender, wanted.servicekey, since)
            if not items:
                say("no refused records")
                return 0
            if wanted.dry_run:
                return await _try(sender, wanted, items, door.apikey)
            if wanted.push:
                return await _push(sender, wanted, items, door.apikey, stopping)
    except Stopped:
        return INTERRUPTED
    _write(wanted.file, items)
    return 0


async def _logged(sender: Sender, servicekey: str | None, since: datetime | None) -> list[dict[str, Any]]:
    """The pushes of which a record was refused, oldest first, each refused record in the last of them."""
    parameters = {"rejected": "1"} | ({"servicekey": servicekey} if servicekey else {})
    items: list[dict[str, Any]] = []
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


def _write(file: Path | None, items: list[dict[str, Any]]) -> None:
    rows = list(_rows(items))
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
        say(f"{len(rows):,} records in {file}: mend them, and `leadline push` it")


def _rows(items: list[dict[str, Any]]) -> Iterator[tuple[Row, Fault]]:
    for item in items:
        told = {"rejected_at": item["at"], "rejected_push": str(item["id"])}
        for rejected in item["rejected"]:
            record = rejected["record"]
            cells = record if isinstance(record, dict) else {"record": record}
            fault = Fault(rejected["code"] or "", rejected["field"], rejected["message"] or "")
            yield Row(rejected["index"], {**cells, **told}), fault


async def _push(
    sender: Sender, wanted: Wanted, items: list[dict[str, Any]], apikey: str, stopping: asyncio.Event
) -> int:
    tally, loop = Tally(), asyncio.get_running_loop()
    began = loop.time()
    for batch, envelope in _batches(items, wanted, apikey):
        if stopping.is_set():
            say(f"stopped after {tally.counts.total():,} records: none is doubled by pushing again")
            return INTERRUPTED
        answer = await sender.push(envelope.document(batch, requestid=f"replay-{uuid4()}"))
        tally.add(answer["counts"], Counter(fault.code for fault in faults_of(answer).values()))
        tally.warn(answer.get("warnings", []))
    seconds, records = loop.time() - began, tally.counts.total()
    tally.show(records=records, seconds=seconds, rate=records / max(seconds, 0.001))
    return REFUSED_SOME if tally.rejected else 0


async def _try(sender: Sender, wanted: Wanted, items: list[dict[str, Any]], apikey: str) -> int:
    forecast = Forecast(SystemClock())
    for batch, envelope in _batches(items, wanted, apikey):
        answer = await sender.push(envelope.document(batch, dryrun="1"))
        forecast.add(answer["results"])
        forecast.reject((batch.rows[index], fault) for index, fault in faults_of(answer).items())
    forecast.show()
    return REFUSED_SOME if forecast.rejected else 0


def _batches(items: list[dict[str, Any]], wanted: Wanted, apikey: str) -> Iterator[tuple[Batch, Envelope]]:
    """Each push of the log once more, with the records that were refused of it, at its own time."""
    for number, item in enumerate(items):
        if item["servicekey"] is None:
            say(f"push {item['id']}: its process has been retired: {len(item['rejected'])} records are left out")
            continue
        batch = Batch(number)
        for rejected in item["rejected"]:
            batch.rows.append(Row(rejected["index"], {}))
            batch.records.append(encoded(rejected["record"]))
        yield batch, Envelope(apikey, _nodes(item, wanted))


def _nodes(item: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    return {
        "servicekey": item["servicekey"],
        "media": item.get("media") or wanted.media,
        "updateparam": item.get("updateparam") or wanted.updateparam,
        "reqdatetime": item["at"],
    }


def _moment(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise CannotPush(f"--since {written}: write 2026-11-25 or 2026-11-25T10:00:00+05:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
