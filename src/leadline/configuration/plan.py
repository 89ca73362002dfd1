"""What it takes to make the database agree with a configuration, said first and then done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from leadline.clock import Clock
from leadline.configuration import consequences
from leadline.configuration.configuration import Configuration
from leadline.configuration.rows import differences, identity, rows_of, title
from leadline.domain.errors import ConfigurationError
from leadline.store import configuration as store
from leadline.store.configuration import FILE, Kept, ListedRow, OrganisationRow, ProcessRow, Row, TrunkRow


class Sign(StrEnum):
    """What is done with a row."""

    CREATE = "+"
    CHANGE = "~"
    RETIRE = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is to be otherwise: as it will be, or, where it is retired, as it was."""

    sign: Sign
    row: Row
    was: Row | None = None
    """The row that is written over, if there is one."""
    keys: tuple[str, ...] = ()
    """The keys of the file that differ."""

    @property
    def stays(self) -> bool:
        """Whether the row is in use afterwards."""
        return self.sign is not Sign.RETIRE

    def __str__(self) -> str:
        said = f"{self.sign} {title(self.row)}"
        return f"{said} ({', '.join(self.keys)})" if self.keys else said


@dataclass(frozen=True, slots=True)
class Plan:
    """Every change, in the order in which they are made; a plan without changes is false."""

    changes: tuple[Change, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    """New names of organisations by their old ones: whoever keeps the API key is the same organisation."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The plan to be read: `+` is created or comes back, `~` is changed, `-` is retired."""
        return tuple(str(change) for change in self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)


async def plan(connection: Any, configuration: Configuration) -> Plan:
    """What is to be done; holds the configuration's lock until the transaction ends, so `apply` belongs in it too.

    Raises ConfigurationError for names and keys that belong to something else.
    """
    await store.lock(connection)
    return compare(list(rows_of(configuration)), await store.kept(connection))


def compare(wanted: Sequence[Row], kept: Sequence[Kept]) -> Plan:
    """The plan that makes of what is kept what is wanted; raises ConfigurationError."""
    renames = _renames(wanted, kept)
    present = {identity(was.row): was for was in (_renamed(was, renames) for was in kept)}
    _refuse_strangers(wanted, present)
    changes = [change for row in wanted if (change := _change(row, present.get(identity(row)), renames))]
    staying = {identity(row) for row in wanted}
    gone = [
        Change(Sign.RETIRE, was.row)
        for key, was in present.items()
        if key not in staying and was.origin == FILE and not was.retired
    ]
    gone.sort(key=lambda change: (isinstance(change.row, OrganisationRow), title(change.row)))
    return Plan((*changes, *gone), renames)


def _renames(wanted: Sequence[Row], kept: Sequence[Kept]) -> dict[str, str]:
    names = {row.name for row in wanted if isinstance(row, OrganisationRow)}
    known = {was.row.name for was in kept if isinstance(was.row, OrganisationRow)}
    free = {
        was.row.apikey: was.row.name
        for was in kept
        if isinstance(was.row, OrganisationRow) and was.row.name not in names and was.origin == FILE and not was.retired
    }
    return {
        free[row.apikey]: row.name
        for row in wanted
        if isinstance(row, OrganisationRow) and row.name not in known and row.apikey in free
    }


def _renamed(was: Kept, renames: Mapping[str, str]) -> Kept:
    match was.row:
        case OrganisationRow(name=name) if name in renames:
            return replace(was, row=replace(was.row, name=renames[name]))
        case TrunkRow() | OrganisationRow():
            return was
        case row:
            return replace(was, row=replace(row, organisation=renames.get(row.organisation, row.organisation)))


def _change(row: Row, was: Kept | None, renames: Mapping[str, str]) -> Change | None:
    if was is None:
        return Change(Sign.CREATE, row)
    if isinstance(row, ListedRow):
        return None
    if was.retired:
        return Change(Sign.CREATE, row, was.row)
    keys = differences(was.row, row)
    if isinstance(row, OrganisationRow) and row.name in renames.values():
        keys = ("name", *keys)
    return Change(Sign.CHANGE, row, was.row, keys) if keys else None


def _refuse_strangers(wanted: Iterable[Row], present: Mapping[tuple[str, ...], Kept]) -> None:
    """Raise ConfigurationError for every row that the file may not have."""
    wanted = list(wanted)
    keys = {row.apikey: row.name for row in wanted if isinstance(row, OrganisationRow)}
    said = []
    for row in wanted:
        was = present.get(identity(row))
        if was is None or isinstance(row, ListedRow):
            continue
        if was.origin != FILE:
            said.append(f"{title(was.row)} was not made by a configuration file; leave it out, or remove it there")
        elif (
            isinstance(row, ProcessRow) and isinstance(was.row, ProcessRow) and row.organisation != was.row.organisation
        ):
            said.append(
                f"servicekey {row.servicekey} of {row.organisation} belongs to {was.row.organisation}, whose leads are "
                "kept under it; choose another"
            )
    for was in present.values():
        owner = keys.get(was.row.apikey) if isinstance(was.row, OrganisationRow) else None
        if owner is not None and identity(was.row) not in map(identity, wanted):
            said.append(
                f"the API key of organisation {owner} is that of {title(was.row)}"
                f"{', which is retired' if was.retired else ''}; give {owner} a new one"
            )
    if said:
        raise ConfigurationError("\n".join(said))


async def apply(connection: Any, made: Plan, clock: Clock) -> None:
    """Do what a plan says, with what follows of it for open leads, and tell every Leadline: all of it, or nothing.

    Raises DatabaseUnavailable.
    """
    if not made:
        return
    now = clock.now()
    async with connection.transaction():
        await store.lock(connection)
        for old, new in made.renames.items():
            await store.rename(connection, old, new)
        await store.free_keys(connection, _given_other_keys(made))
        for change in made.changes:
            await (store.write if change.stays else store.retire)(connection, change.row, now)
        await consequences.draw(connection, [(change.row, change.was) for change in made.changes if change.stays], now)
        await store.notify(connection)


def _given_other_keys(made: Plan) -> list[str]:
    return [
        change.row.name
        for change in made.changes
        if change.stays
        and isinstance(change.row, OrganisationRow)
        and isinstance(change.was, OrganisationRow)
        and change.row.apikey != change.was.apikey
    ]
