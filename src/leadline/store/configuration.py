"""What the configuration file has put into the database, as rows: read whole, and written one at a time.

Rows are never deleted but those of the do-not-call list: what is gone from the file is retired. Only rows whose
origin is the file are written.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar

import asyncpg
import msgspec

from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.flow import Flow
from leadline.domain.lead import Lead
from leadline.domain.policy import ProcessPolicy, TrunkPolicy
from leadline.store.leads import from_row

LOCK: Final = 5_323_718
"""The advisory lock that one `apply` at a time holds."""
FILE: Final = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRow:
    """An organisation as it is kept; of its API key, the hash."""

    name: str
    apikey: bytes
    timezone: str
    lenient_json: bool
    tts_until: date | None


@dataclass(frozen=True, slots=True)
class LoginRow:
    """A user of an organisation."""

    organisation: str
    login: str
    name: str | None
    role: str
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process of an organisation; `policy` is None if it was written by a newer Leadline and cannot be read."""

    organisation: str
    servicekey: str
    policy: ProcessPolicy | None
    flow: Flow | None


@dataclass(frozen=True, slots=True)
class TrunkRow:
    """A trunk at its place in the file."""

    name: str
    position: int
    policy: TrunkPolicy | None


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A number of a do-not-call list."""

    organisation: str
    number: str


Row = OrganisationRow | LoginRow | ProcessRow | TrunkRow | ListedRow
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of the database, and whose it is."""

    row: Row
    origin: str
    retired: bool


async def lock(connection: Any) -> None:
    """Hold the configuration until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock($1)", LOCK)


async def kept(connection: Any) -> list[Kept]:
    """Every row that a configuration may speak of, retired ones too."""
    organisations = await connection.fetch("select * from organisation")
    names = {row["id"]: row["name"] for row in organisations}
    rows = [_kept(row, _organisation(row)) for row in organisations]
    rows += [
        _kept(row, LoginRow(names[row["organisation_id"]], row["login"], row["name"], row["role"], row["endpoint"]))
        for row in await connection.fetch("select * from login")
    ]
    rows += [
        _kept(row, ProcessRow(names[row["organisation_id"]], row["servicekey"],
                              _read(row["policy"], ProcessPolicy), _read(row["flow"], Flow)))
        for row in await connection.fetch("select * from process")
    ]  # fmt: skip
    rows += [
        _kept(row, TrunkRow(row["name"], row["position"], _read(row["policy"], TrunkPolicy)))
        for row in await connection.fetch("select * from trunk")
    ]
    rows += [
        Kept(ListedRow(names[row["organisation_id"]], row["number"]), row["origin"], retired=False)
        for row in await connection.fetch("select * from do_not_call where origin = $1", FILE)
    ]
    return rows


def _organisation(row: Mapping[str, Any]) -> OrganisationRow:
    return OrganisationRow(
        name=row["name"],
        apikey=row["apikey_sha256"],
        timezone=row["timezone"],
        lenient_json=row["lenient_json"],
        tts_until=row["tts_until"],
    )


def _kept(record: Mapping[str, Any], row: Row) -> Kept:
    return Kept(row, record["origin"], record["retired_at"] is not None)


def _read(value: Any, kind: type[_T]) -> _T | None:
    try:
        return None if value is None else msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


async def rename(connection: Any, old: str, new: str) -> None:
    """Give an organisation another name."""
    await connection.execute("update organisation set name = $2 where name = $1", old, new)


async def free_keys(connection: Any, organisations: list[str]) -> None:
    """Take the API keys of organisations away, so that they may be given in any order."""
    # Four bytes are no SHA-256, and no two organisations have the same.
    await connection.execute("update organisation set apikey_sha256 = int4send(id) where name = any($1)", organisations)


async def write(connection: Any, row: Row, now: datetime) -> None:
    """Insert a row of the file, or write it over the one that is there, retired or not."""
    match row:
        case OrganisationRow():
            await connection.execute(
                """insert into organisation (name, apikey_sha256, timezone, lenient_json, tts_until)
                   values ($1, $2, $3, $4, $5) on conflict (name) do update set
                       apikey_sha256 = excluded.apikey_sha256, timezone = excluded.timezone,
                       lenient_json = excluded.lenient_json, tts_until = excluded.tts_until, retired_at = null""",
                row.name, row.apikey, row.timezone, row.lenient_json, row.tts_until,
            )  # fmt: skip
        case LoginRow():
            await connection.execute(
                """insert into login (organisation_id, login, name, role, endpoint)
                   select id, $2, $3, $4, $5 from organisation where name = $1 on conflict (organisation_id, login)
                   do update set name = excluded.name, role = excluded.role, endpoint = excluded.endpoint,
                       retired_at = null""",
                row.organisation, row.login, row.name, row.role, row.endpoint,
            )  # fmt: skip
        case ProcessRow():
            await connection.execute(
                """insert into process (organisation_id, servicekey, policy, flow)
                   select id, $2, $3, $4 from organisation where name = $1 on conflict (servicekey)
                   do update set policy = excluded.policy, flow = excluded.flow, retired_at = null""",
                row.organisation, row.servicekey, row.policy, row.flow,
            )  # fmt: skip
        case TrunkRow():
            await connection.execute(
                """insert into trunk (name, position, policy) values ($1, $2, $3) on conflict (name)
                   do update set position = excluded.position, policy = excluded.policy, retired_at = null""",
                row.name, row.position, row.policy,
            )  # fmt: skip
        case ListedRow():
            await connection.execute(
                """insert into do_not_call (organisation_id, number, listed_at)
                   select id, $2, $3 from organisation where name = $1 on conflict do nothing""",
                row.organisation, row.number, now,
            )  # fmt: skip


async def retire(connection: Any, row: Row, now: datetime) -> None:
    """Take a row of the file out of use; what hangs on it stays. A number is taken off its list."""
    match row:
        case OrganisationRow(name=name):
            await connection.execute("update organisation set retired_at = $2 where name = $1", name, now)
        case LoginRow():
            await connection.execute(
                """update login set retired_at = $3 from organisation as o
                   where o.id = organisation_id and o.name = $1 and login = $2""",
                row.organisation, row.login, now,
            )  # fmt: skip
        case ProcessRow(servicekey=servicekey):
            await connection.execute("update process set retired_at = $2 where servicekey = $1", servicekey, now)
        case TrunkRow(name=name):
            await connection.execute("update trunk set retired_at = $2 where name = $1", name, now)
        case ListedRow():
            await connection.execute(
                """delete from do_not_call using organisation as o
                   where o.id = organisation_id and o.name = $1 and number = $2 and do_not_call.origin = $3""",
                row.organisation, row.number, FILE,
            )  # fmt: skip


async def notify(connection: Any) -> None:
    """Tell every Leadline, once this transaction is committed, to read the configuration anew."""
    await connection.execute("select pg_notify('configuration', '')")


async def open_leads_of(connection: Any, organisation: str, numbers: list[str]) -> list[Lead]:
    """Leads that wait to call one of these numbers, locked; in an inbound process nobody is called.

    A push may hold one of them and want another: we let go and begin again before PostgreSQL has to end either.
    Raises DatabaseUnavailable if they cannot be had together.
    """
    for _ in range(_TRIES):
        with suppress(asyncpg.LockNotAvailableError):
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '300ms'")
                rows = await connection.fetch(_OPEN_LEADS, organisation, numbers)
                await connection.execute("set local lock_timeout to default")
                return [from_row(row) for row in rows]
    raise DatabaseUnavailable("leads with newly listed numbers are held by other transactions; apply again")


_TRIES: Final = 50
_OPEN_LEADS: Final = """
    select lead.* from lead
    join process on process.id = lead.process_id join organisation on organisation.id = process.organisation_id
    where organisation.name = $1 and number_key = any($2) and number = any($2) and media in (11, 12)
    and policy ->> 'direction' <> 'inbound' and state in ('scheduled', 'awaiting_prompt', 'offered')
    order by lead.id for update of lead"""


async def waiting_leads_of(connection: Any, servicekey: str, state: str, after: int, most: int) -> list[Lead]:
    """Leads of a process that are to be called and are in this state, locked, with ids after one, by their ids.

    One that another transaction holds is passed over: the claim looks at its audio once more.
    """
    rows = await connection.fetch(
        """select lead.* from lead join process on process.id = lead.process_id
           where servicekey = $1 and state = $2 and due_at is not null and lead.id > $3
           order by lead.id limit $4 for update of lead skip locked""",
        servicekey,
        state,
        after,
        most,
    )
    return [from_row(row) for row in rows]
