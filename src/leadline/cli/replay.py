"""`leadline replay`: records that were refused, out of the push log, to be mended, and pushed again.

Oldest first, so that what was pushed later decides; a record that was refused more than once is taken once. Each is
pushed with the request that it was refused in, so that it has the effect that it would have had.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import uvloop

from leadline.cli.console import say
from leadline.cli.mended import mended
from leadline.cli.push.batches import Batch, Envelope
from leadline.cli.push.door import Door
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.forecast import Forecast
from leadline.cli.push.kept import INTERRUPTED, REFUSED_SOME
from leadline.cli.push.sender import Sender, Stopped
from leadline.cli.push.tally import Tally, faults_of
from leadline.cli.refused import Parcel, logged, parcels, write
from leadline.clock import SystemClock

Requests = Sequence[tuple[Batch, Envelope]]
"""What is sent; all of it is known before any of it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records, and what becomes of them."""

    file: Path | None = None
    since: str | None = None
    servicekey: str | None = None
    push: bool = False
    dry_run: bool = False
    updateparam: str | None = None
    media: str | None = None
    """Of pushes whose log does not tell."""

    @property
    def sends(self) -> bool:
        return self.push or self.dry_run


def replay(wanted: Wanted, door: Door) -> int:
    """Write the records to the file (standard output without one), or push those of the log or of the mended file.

    Returns the exit code; raises CannotPush.
    """
    since = _moment(wanted.since)
    if wanted.file is not None and wanted.sends and (wanted.since or wanted.servicekey):
        raise CannotPush(f"all of {wanted.file} is pushed: leave out --since and --servicekey")
    if wanted.file is not None and not wanted.sends and wanted.file.exists():
        raise CannotPush(f"{wanted.file} is there already: give another file, or push this one, mended, with --push")
    return uvloop.run(_replay(wanted, since, door))


async def _replay(wanted: Wanted, since: datetime | None, door: Door) -> int:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopping.set)
    try:
        async with Sender(door.url, door.apikey, stopping, say) as sender:
            if wanted.file is not None and wanted.sends:
                requests = list(_requests(mended(wanted.file), wanted, door.apikey))
            else:
                items = await logged(sender, wanted.servicekey, since)
                if not items:
                    say("no refused records")
                    return 0
                if not wanted.sends:
                    write(wanted.file, items)
                    return 0
                requests = list(_requests(parcels(items), wanted, door.apikey))
            if wanted.dry_run:
                return await _try(sender, requests)
            return await _push(sender, requests, stopping)
    except Stopped:
        return INTERRUPTED


async def _push(sender: Sender, requests: Requests, stopping: asyncio.Event) -> int:
    tally, loop = Tally(), asyncio.get_running_loop()
    began = loop.time()
    for batch, envelope in requests:
        if stopping.is_set():
            say(f"stopped after {tally.counts.total():,} records: none is doubled by pushing again")
            return INTERRUPTED
        answer = await sender.push(envelope.document(batch, requestid=f"replay-{uuid4()}"))
        tally.add(answer["counts"], Counter(fault.code for fault in faults_of(answer).values()))
        tally.warn(answer.get("warnings", []))
    seconds, records = loop.time() - began, tally.counts.total()
    tally.show(records=records, seconds=seconds, rate=records / max(seconds, 0.001))
    if not tally.rejected:
        return 0
    say(f"{tally.rejected:,} records were refused again: `leadline replay FILE` has them with their reasons")
    return REFUSED_SOME


async def _try(sender: Sender, requests: Requests) -> int:
    forecast = Forecast(SystemClock())
    for batch, envelope in requests:
        answer = await sender.push(envelope.document(batch, dryrun="1"))
        forecast.add(answer["results"])
        forecast.reject((batch.rows[index], fault) for index, fault in faults_of(answer).items())
    forecast.show()
    return REFUSED_SOME if forecast.rejected else 0


def _requests(refused: Iterable[Parcel], wanted: Wanted, apikey: str) -> Iterator[tuple[Batch, Envelope]]:
    """Each push once more, with the records that were refused of it; raises CannotPush if its request is not known."""
    told = {name: value for name in _TOLD if (value := getattr(wanted, name)) is not None}
    for parcel in refused:
        nodes = {**told, **parcel.request}
        if nodes["servicekey"] is None:
            say(f"push {parcel.push}: its process has been retired: {len(parcel.batch.rows)} records are left out")
        elif missing := [f"--{name}" for name in _TOLD if name not in nodes]:
            raise CannotPush(
                f"push {parcel.push} is from before the push log kept what its request said: give "
                f"{' and '.join(missing)}, for this and all such pushes"
            )
        else:
            yield parcel.batch, Envelope(apikey, nodes)


_TOLD: Final = ("media", "updateparam")


def _moment(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise CannotPush(f"--since {written}: write 2026-11-25 or 2026-11-25T10:00:00+05:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
