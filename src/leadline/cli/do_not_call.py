"""`leadline dnc`: who is not to be called, in the terminal; written into the database that calls are made from."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop
from rich.table import Table

from leadline.bootstrap import find_database
from leadline.cli.console import err, out
from leadline.cli.keys import organisation_of
from leadline.cli.push.formats import Format, opened, shape_of
from leadline.cli.push.source import source_of
from leadline.clock import SystemClock
from leadline.domain.do_not_call import Listing, Origin
from leadline.domain.errors import ConfigurationError
from leadline.domain.moment import parse_moment
from leadline.intake.do_not_call import NoNumber, Place, place_of
from leadline.settings import Settings
from leadline.store import catalogue
from leadline.store import do_not_call as lists
from leadline.store.catalogue import Catalogue, Organisation
from leadline.store.database import Database
from leadline.store.listing import put

COLUMNS: Final = ("number", "mobilenumber", "phone")
BATCH: Final = 5_000
"""Numbers of one transaction."""
Entry = tuple[str, str | None]
"""A number as it is written, and why it is listed."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A database, and the list that is meant."""

    connection: Any
    known: Catalogue
    organisation: Organisation
    place: Place


class Desk:
    """One list, of the Leadline that runs on a data directory, or behind LEADLINE_DATABASE_URL."""

    def __init__(self, data: Path | None, settings: Settings, organisation: str | None, servicekey: str | None) -> None:
        self._dsn = find_database(settings, data or settings.data)
        self._organisation, self._servicekey = organisation, servicekey

    def add(self, numbers: Sequence[str], until: str | None, reason: str | None) -> int:
        """Put numbers on the list; returns the exit code, 1 if one of them is none."""
        return uvloop.run(self._add([[(written, reason) for written in numbers]], until))

    def import_csv(self, file: str, column: str | None, until: str | None, reason: str | None) -> int:
        """Put the numbers of a file on the list; returns the exit code, 1 if one of them is none."""
        with source_of(file, None) as source:
            shape = shape_of(source, Format.CSV, None)
            with opened(source, shape) as rows:
                named = _column(column, rows.columns)
                entries = ((row.cells.get(named, ""), row.cells.get("reason") or reason) for row in rows.each)
                return uvloop.run(self._add(_batches(entry for entry in entries if entry[0].strip()), until))

    def remove(self, numbers: Sequence[str]) -> int:
        """Take numbers off the list; returns the exit code, 1 if one of them stays."""
        return uvloop.run(self._remove(numbers))

    def show(self, number: str | None, limit: int, *, as_json: bool) -> None:
        """Print what is on the lists."""
        items = uvloop.run(self._listed(number, limit))
        if as_json:
            out.print(msgspec.json.format(msgspec.json.encode(items)).decode())
        else:
            _print(items)

    async def _add(self, batches: Iterable[Sequence[Entry]], until: str | None) -> int:
        listed = refused = 0
        async with self._opened() as at:
            expires_at, now = _expiry(until, at.organisation), SystemClock().now()
            for batch in batches:
                listings = list(_readable(at.place, batch, expires_at))
                async with at.connection.transaction():
                    await put(at.connection, at.organisation.id, listings, Origin.API, now)
                listed, refused = listed + len(listings), refused + len(batch) - len(listings)
        out.print(f"{listed} on the list" + (f", {refused} not" if refused else ""))
        return 1 if refused else 0

    async def _remove(self, numbers: Sequence[str]) -> int:
        async with self._opened() as at:
            wanted = {each.number for each in _readable(at.place, [(written, None) for written in numbers], None)}
            stays = await lists.remove(at.connection, at.organisation.id, at.place.process_id, wanted)
        for number in stays:
            err.print(f"{number} is listed by the configuration file: take it out of do_not_call there")
        out.print(f"{len(wanted) - len(stays)} not on the list any more")
        return 1 if stays or len(wanted) < len(set(numbers)) else 0

    async def _listed(self, number: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        async with self._opened() as at:
            wanted = None if number is None else at.place.listing(number).number
            query = lists.Query(limit, None, at.place.process_id, wanted)
            page = await lists.page(at.connection, at.organisation.id, at.known.servicekey_by_id, query)
        return page.items

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[_Open]:
        database = Database(self._dsn, connections=1)
        await database.open()
        try:
            async with database.connection() as connection:
                known = await catalogue.load(connection)
                organisation = self._whose(known)
                process = None
                if self._servicekey is not None:
                    process = next(iter(known.readable(organisation.id, self._servicekey)), None)
                    if process is None:
                        names = ", ".join(each.servicekey for each in known.readable(organisation.id)) or "none"
                        raise ConfigurationError(
                            f"{organisation.name} has no process {self._servicekey!r}; there are {names}"
                        )
                yield _Open(connection, known, organisation, place_of(known, organisation.id, process))
        finally:
            await database.close()

    def _whose(self, known: Catalogue) -> Organisation:
        if self._organisation is None and self._servicekey is not None:
            process = known.process_of(self._servicekey)
            if process is not None:
                return known.organisations[process.organisation_id]
        return organisation_of(known, self._organisation)


def _column(asked: str | None, columns: Sequence[str]) -> str:
    wanted = (asked.strip().lower(),) if asked is not None else COLUMNS
    found = next((column for name in wanted for column in columns if column.strip().lower() == name), None)
    if found is None and asked is None and len(columns) == 1:
        found = columns[0]
    if _is_number(found or columns[0]):
        # Taken for a heading, a number would be called all the same.
        raise ConfigurationError(f"the first row ({columns[0]}) names no column: put one above it that does, number")
    if found is None:
        raise ConfigurationError(f"no column {' or '.join(wanted)}: say which holds the numbers, --column {columns[0]}")
    return found


def _is_number(heading: str) -> bool:
    return any(each.isdigit() for each in heading) and not any(each.isalpha() for each in heading)


def _batches(entries: Iterator[Entry]) -> Iterator[Sequence[Entry]]:
    while batch := list(islice(entries, BATCH)):
        yield batch


def _readable(place: Place, entries: Sequence[Entry], expires_at: datetime | None) -> Iterator[Listing]:
    """The numbers that are some; of the others it is said why they are none."""
    for written, reason in entries:
        try:
            yield place.listing(written, expires_at, reason)
        except NoNumber as none:
            err.print(str(none))


def _expiry(until: str | None, organisation: Organisation) -> datetime | None:
    if until is None:
        return None
    written = until if len(until.strip()) > len("YYYY-MM-DD") else f"{until.strip()} 00:00"
    moment = parse_moment(written, organisation.timezone)
    if moment is None or moment <= SystemClock().now():
        raise ConfigurationError(f"--until {until!r} is no moment to come: write YYYY-MM-DD, or with hh:mm:ss")
    return moment


def _print(items: Sequence[Mapping[str, Any]]) -> None:
    shown = Table(box=None, pad_edge=False)
    for heading in ("Number", "List", "By", "Since (UTC)", "Until (UTC)", "Reason"):
        shown.add_column(heading, overflow="fold")
    for item in items:
        until: datetime | None = item["expires_at"]
        shown.add_row(
            item["number"],
            item["servicekey"] or item["list"],
            item["origin"],
            f"{item['listed_at'].astimezone(UTC):%Y-%m-%d %H:%M}",
            f"{until.astimezone(UTC):%Y-%m-%d %H:%M}" if until else "",
            item["reason"] or "",
        )
    out.print(shown if items else "nobody is listed")
