"""`leadline processes`, `pause`, `resume`, `stop`, `cancel`, `reschedule`, `close`: an operator's word.

Written into the database of the Leadline that runs, which every process of it hears of: the same as by HTTP.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import uvloop
from rich.table import Table

from leadline.bootstrap import find_database
from leadline.calling import pacing
from leadline.calling.control import Cancelling, Control
from leadline.cli.console import out
from leadline.clock import SystemClock
from leadline.domain.errors import ConfigurationError
from leadline.domain.lead import LeadState
from leadline.domain.moment import parse_moment
from leadline.domain.vendor import CallType
from leadline.settings import Settings
from leadline.store import catalogue, lead_views, trunks
from leadline.store.bulk import Choice
from leadline.store.catalogue import Catalogue, Process
from leadline.store.control import Order
from leadline.store.database import Database
from leadline.store.standings import Standing, standings

Stands = Mapping[str, Standing]
Paced = Mapping[str, Mapping[str, float]]
"""Of each process that dials ahead, what it does so by."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Which leads are meant, as it was typed."""

    servicekey: str
    state: str | None = None
    calltype: int | None = None
    ids: tuple[int, ...] = ()
    created_after: str | None = None
    created_before: str | None = None


class Desk:
    """The Leadline that runs on a data directory, or behind LEADLINE_DATABASE_URL."""

    def __init__(self, data: Path | None, settings: Settings) -> None:
        self._dsn = find_database(settings, data or settings.data)

    def processes(self, *, as_json: bool) -> None:
        """How every process stands, and for people which trunks take no call."""
        stands, paced, unable = uvloop.run(self._standings())
        if as_json:
            shown = {key: {**asdict(stand), "pacing": paced.get(key)} for key, stand in stands.items()}
            out.print(msgspec.json.format(msgspec.json.encode(shown)).decode())
        else:
            _print(stands, paced)
            for trunk, reason in unable.items():
                out.print(f"Trunk {trunk} takes no call: {reason}")

    def order(self, servicekey: str, order: Order) -> None:
        """Pause, resume or stop a process; raises ConfigurationError if there is none of that key."""
        hanging_up = uvloop.run(self._order(servicekey, order))
        said = {
            Order.PAUSE: "is paused: no call is begun, those that are up go on",
            Order.RESUME: "calls again",
            Order.STOP: f"is stopped: no call is begun, {hanging_up} hung up",
        }
        out.print(f"{servicekey} {said[order]}")

    def cancel(self, lead_id: int) -> None:
        """Close a lead; raises ConfigurationError if there is none of that id."""
        said = {
            Cancelling.CANCELLED: "is closed as cancelled",
            Cancelling.HANGING_UP: "is on the phone: its worker hangs up, and it closes as cancelled",
            Cancelling.UNCHANGED: "was closed already",
        }
        out.print(f"lead {lead_id} {said[uvloop.run(self._cancel(lead_id))]}")

    def reschedule(self, meant: Meant, when: str | None, *, dry_run: bool) -> None:
        """Have leads called at another time; raises ConfigurationError for what cannot be read."""
        out.print(uvloop.run(self._change(meant, when, to_close=False, dry_run=dry_run)))

    def close(self, meant: Meant, *, dry_run: bool) -> None:
        """Close leads as cancelled; raises ConfigurationError for what cannot be read."""
        out.print(uvloop.run(self._change(meant, None, to_close=True, dry_run=dry_run)))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[tuple[Database, Catalogue]]:
        database = Database(self._dsn, connections=2)
        await database.open()
        try:
            async with database.connection() as connection:
                known = await catalogue.load(connection)
            yield database, known
        finally:
            await database.close()

    async def _standings(self) -> tuple[Stands, Paced, Mapping[str, str]]:
        now = SystemClock().now()
        async with self._opened() as (database, known), database.snapshot() as connection:
            stand = await standings(connection, list(known.processes), now)
            paced = await pacing.standings(connection, known.processes.values(), now)
            unable = await trunks.unable(connection, list(known.trunks.values()))
        named = {process.servicekey: process.id for process in known.processes.values() if process.id in stand}
        return (
            {servicekey: stand[named[servicekey]] for servicekey in sorted(named)},
            {servicekey: paced[number] for servicekey, number in named.items() if number in paced},
            unable,
        )

    async def _order(self, servicekey: str, order: Order) -> int:
        async with self._opened() as (database, known):
            return await Control(database, SystemClock()).order(_process(known, servicekey), order)

    async def _cancel(self, lead_id: int) -> Cancelling:
        async with self._opened() as (database, _):
            async with database.connection() as connection:
                organisation_id = await lead_views.organisation_of(connection, lead_id)
            done = None
            if organisation_id is not None:
                done = await Control(database, SystemClock()).cancel(organisation_id, lead_id)
        if done is None:
            raise ConfigurationError(f"there is no lead {lead_id}: `leadline leads` lists what there is")
        return done

    async def _change(self, meant: Meant, when: str | None, *, to_close: bool, dry_run: bool) -> str:
        async with self._opened() as (database, known):
            process = _process(known, meant.servicekey)
            zone = known.organisations[process.organisation_id].timezone
            clock = SystemClock()
            control, choice = Control(database, clock), _choice(meant, process, zone)
            asked, now = _moment("--at", when, zone), clock.now()
            due_at = None if to_close else max(asked, now) if asked else now
            if dry_run:
                count = await control.count(choice, due_at)
                return f"{count.changing} of {count.matching} leads would be changed; nothing was"
            done = await control.change(choice, due_at)
        again = f"; {done.left} were held by others all the time, run it again" if done.left else ""
        return f"{done.changed} of {done.count.matching} leads changed, {done.count.on_the_phone} on the phone{again}"


def _process(known: Catalogue, servicekey: str) -> Process:
    process = known.process_of(servicekey)
    if process is None:
        names = ", ".join(sorted(known.servicekeys)) or "none"
        raise ConfigurationError(f"there is no process {servicekey!r}; there are {names}")
    return process


def _choice(meant: Meant, process: Process, zone: ZoneInfo) -> Choice:
    if meant.state is not None and meant.state not in list(LeadState):
        raise ConfigurationError(f"{meant.state!r} is no state of a lead; there are {', '.join(LeadState)}")
    if meant.calltype is not None and meant.calltype not in list(CallType):
        there_are = ", ".join(str(int(calltype)) for calltype in CallType)
        raise ConfigurationError(f"{meant.calltype} is no call type; there are {there_are}")
    return Choice(
        organisation_id=process.organisation_id,
        processes=[process.id],
        state=None if meant.state is None else LeadState(meant.state),
        calltype=meant.calltype,
        ids=list(meant.ids) or None,
        created_after=_moment("--created-after", meant.created_after, zone),
        created_before=_moment("--created-before", meant.created_before, zone),
    )


def _moment(option: str, written: str | None, zone: ZoneInfo) -> datetime | None:
    moment = None if written is None else parse_moment(written, zone)
    if written is not None and moment is None:
        raise ConfigurationError(f"{option} {written}: write YYYY-MM-DD hh:mm:ss, or ISO 8601 with an offset")
    return moment


def _print(stands: Stands, paced: Paced) -> None:
    shown = Table(box=None, pad_edge=False)
    for heading in ("Process", "", "Calls up", "Due now", "Waiting", "Held", *(["Dialing ahead"] if paced else [])):
        shown.add_column(heading, overflow="fold")
    for servicekey, stand in stands.items():
        flag = "stopped" if stand.stopped else "paused" if stand.paused else ""
        waiting = [
            f"{count} {state} ({_names(calltypes)})"
            for state, calltypes in stand.waiting.items()
            if (count := sum(calltypes.values()))
        ]
        held = [f"{count} {rule}" for rule, count in stand.held.most_common()]
        calls = ", ".join([str(stand.calls), *(f"{count} {state}" for state, count in stand.on_the_phone.items())])
        ahead = _ahead(paced[servicekey]) if servicekey in paced else ""
        row = (servicekey, flag, calls, str(stand.due_now), ", ".join(waiting), ", ".join(held), ahead)
        shown.add_row(*row[: len(shown.columns)])
    out.print(shown)
    if any(stand.estimated for stand in stands.values()):
        out.print("Figures above 10,000 are estimates.")


def _ahead(told: Mapping[str, float]) -> str:
    return (
        f"{told['answer_rate']:.0%} answer after {told['ring']:.0f} s, {told['handling']:.0f} s with an agent; "
        f"{told['abandoned']:.0f} of {told['answered']:.0f} abandoned in 30 days "
        f"({told['abandonment']:.1%} of {told['abandonment_cap']:.1%}), room for {told['room']:.0f}"
    )


def _names(statuses: Mapping[int, int]) -> str:
    names = {int(calltype): calltype.name.lower() for calltype in CallType}
    return ", ".join(f"{count} {names.get(status, status)}" for status, count in sorted(statuses.items()))
