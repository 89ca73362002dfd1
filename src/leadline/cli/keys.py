"""`leadline keys`: keys with fewer rights than the organisation's API key, made, listed and retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import uvloop
from rich.table import Table

from leadline.bootstrap import find_database
from leadline.cli.console import err, out
from leadline.clock import SystemClock
from leadline.domain.errors import ConfigurationError
from leadline.settings import Settings
from leadline.store import catalogue, keys
from leadline.store.catalogue import Catalogue, Organisation, key_hash
from leadline.store.database import Database
from leadline.store.keys import Grant, Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done: make `add` with these scopes, retire `retire`, else list."""

    organisation: str | None
    add: str | None = None
    scopes: tuple[Scope, ...] = ()
    retire: str | None = None


def run(asked: Asked, data: Path | None, settings: Settings) -> None:
    """Do it; a new key goes to standard output, alone, and is shown never again."""
    if asked.add is not None and not asked.scopes:
        raise ConfigurationError(f"a key needs a scope: add --scope {' or --scope '.join(Scope)}")
    if asked.add is not None and asked.retire is not None:
        raise ConfigurationError("give --add or --retire, not both")
    dsn = find_database(settings, data or settings.data)
    if asked.add is not None:
        out.print(uvloop.run(added(dsn, asked)))
        err.print("keep it: only its hash is stored, and it is not shown again")
    elif asked.retire is not None:
        uvloop.run(retired(dsn, asked))
        err.print(f"{asked.retire} opens nothing any more")
    else:
        _print(*uvloop.run(listed(dsn, asked)))


async def added(dsn: str, asked: Asked) -> str:
    """A new key; raises ConfigurationError if its name is taken."""
    key = token_urlsafe(32)

    async def add(connection: Any, organisation: Organisation) -> bool:
        grant = Grant(organisation.id, asked.add or "", frozenset(asked.scopes))
        return await keys.add(connection, key_hash(key), grant, SystemClock().now())

    await _changed(dsn, asked, add, f"there is or was a key {asked.add!r}: give another name")
    return key


async def retired(dsn: str, asked: Asked) -> None:
    """Retire a key; raises ConfigurationError if there is none of that name."""

    async def retire(connection: Any, organisation: Organisation) -> bool:
        return await keys.retire(connection, organisation.id, asked.retire or "", SystemClock().now())

    await _changed(dsn, asked, retire, f"there is no key {asked.retire!r}: `leadline keys` lists what there is")


async def listed(dsn: str, asked: Asked) -> tuple[Catalogue, Mapping[bytes, Grant]]:
    """The keys that are asked for, and whose they are."""
    database = Database(dsn, connections=1)
    await database.open()
    try:
        async with database.connection() as connection:
            known = await catalogue.load(connection)
    finally:
        await database.close()
    only = None if asked.organisation is None else organisation_of(known, asked.organisation).id
    grants = {sha256: grant for sha256, grant in known.grants.items() if only in (None, grant.organisation_id)}
    return known, grants


async def _changed(dsn: str, asked: Asked, change: Any, otherwise: str) -> None:
    database = Database(dsn, connections=1)
    await database.open()
    try:
        async with database.transaction() as connection:
            done = await change(connection, organisation_of(await catalogue.load(connection), asked.organisation))
    finally:
        await database.close()
    if not done:
        raise ConfigurationError(otherwise)


def organisation_of(known: Catalogue, name: str | None) -> Organisation:
    """The organisation of that name, or the only one there is."""
    named = [each for each in known.organisations.values() if name in (None, each.name)]
    if len(named) != 1:
        names = ", ".join(sorted(each.name for each in known.organisations.values())) or "none yet"
        raise ConfigurationError(f"name the organisation; there are: {names}")
    return named[0]


def _print(known: Catalogue, grants: Mapping[bytes, Grant]) -> None:
    shown = Table(box=None, pad_edge=False)
    for heading in ("Organisation", "Key", "Scopes"):
        shown.add_column(heading, overflow="fold")
    for grant in grants.values():
        shown.add_row(known.organisations[grant.organisation_id].name, grant.name, ", ".join(sorted(grant.scopes)))
    out.print(shown if grants else "no keys beside the organisations' API keys")
