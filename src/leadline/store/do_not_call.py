"""The do-not-call lists of an organisation and of its processes; what has expired is there, and has no effect."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadline.domain.do_not_call import DoNotCallList, Listing, Origin


async def listed(
    connection: Any, organisation_id: int, process_id: int, numbers: Collection[str], now: datetime
) -> dict[str, DoNotCallList]:
    """Those of `numbers` that the process must not call, each with a list that it is on."""
    rows = await connection.fetch(
        """select number, bool_or(process_id is null) as everywhere from do_not_call
           where organisation_id = $1 and number = any($3::text[])
           and (process_id is null or process_id = $2) and (expires_at is null or expires_at > $4)
           group by number""",
        organisation_id,
        process_id,
        list(numbers),
        now,
    )
    return {row["number"]: list_of(everywhere=row["everywhere"]) for row in rows}


def listing_of(lead: str, process: str, now: str) -> str:
    """The SQL that finds where a lead's number is listed: true for everybody, false for the process, null nowhere."""
    return f"""
        (select bool_or(process_id is null) from do_not_call
         where organisation_id = {lead}.organisation_id and number = {lead}.number
         and (process_id is null or process_id = {process}) and (expires_at is null or expires_at > {now}))"""  # noqa: S608  (ours)


def list_of(*, everywhere: bool) -> DoNotCallList:
    """The list that is told of a number that may be on both."""
    return DoNotCallList.ORGANISATION if everywhere else DoNotCallList.PROCESS


async def add(
    connection: Any, organisation_id: int, listings: Sequence[Listing], origin: Origin, now: datetime
) -> None:
    """Put numbers on lists, each on one once; of a number that the same origin has put there, what is said now holds.

    Rows are written in one order, so that no two callers wait for each other.
    """
    rows = {(listing.number, listing.process_id or 0): listing for listing in listings}
    await connection.execute(
        """insert into do_not_call (organisation_id, number, process_id, origin, listed_at, expires_at, reason)
           select $1, number, process_id, $6, $7, expires_at, reason
           from unnest($2::text[], $3::int[], $4::timestamptz[], $5::text[])
               as listed(number, process_id, expires_at, reason)
           on conflict (organisation_id, number, process_id, origin) do update
           set listed_at = excluded.listed_at, expires_at = excluded.expires_at, reason = excluded.reason""",
        organisation_id,
        [rows[key].number for key in sorted(rows)],
        [rows[key].process_id for key in sorted(rows)],
        [rows[key].expires_at for key in sorted(rows)],
        [rows[key].reason for key in sorted(rows)],
        origin.value,
        now,
    )


async def remove(connection: Any, organisation_id: int, process_id: int | None, numbers: Collection[str]) -> list[str]:
    """Take numbers off one list, the organisation's or a process's; returns those that stay, since the file says so."""
    rows = await connection.fetch(
        """with gone as (
               delete from do_not_call where organisation_id = $1 and process_id is not distinct from $2
               and number = any($3::text[]) and origin <> 'file')
           select number from do_not_call where organisation_id = $1 and process_id is not distinct from $2
           and number = any($3::text[]) and origin = 'file' order by number""",
        organisation_id,
        process_id,
        list(numbers),
    )
    return [row["number"] for row in rows]


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are asked for, newest first: of this process or of all lists, of this number or of all."""

    limit: int
    cursor: int | None = None
    process_id: int | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, and the cursor of the next page; None at the end."""

    items: Sequence[Mapping[str, Any]]
    next: int | None


async def page(connection: Any, organisation_id: int, servicekeys: Mapping[int, str], query: Query) -> Page:
    """The entries of an organisation's lists, as they are read back."""
    rows = await connection.fetch(
        """select id, number, process_id, origin, listed_at, expires_at, reason from do_not_call
           where organisation_id = $1 and ($2::bigint is null or id < $2) and ($3::int is null or process_id = $3)
           and ($4::text is null or number = $4) order by id desc limit $5""",
        organisation_id,
        query.cursor,
        query.process_id,
        query.number,
        query.limit + 1,
    )
    items = [
        {
            "id": row["id"],
            "number": row["number"],
            "list": list_of(everywhere=row["process_id"] is None),
            "servicekey": servicekeys.get(row["process_id"]),
            "origin": row["origin"],
            "listed_at": row["listed_at"],
            "expires_at": row["expires_at"],
            "reason": row["reason"],
        }
        for row in rows[: query.limit]
    ]
    return Page(items, items[-1]["id"] if len(rows) > query.limit else None)
