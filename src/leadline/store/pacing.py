"""What pacing knows, as rows: a process's measures, the counts of its days, and the agents and calls of this moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final
from uuid import UUID

from leadline.domain.pacing import CAP_DAYS, Day, Floor, Measures

_AVERAGES: Final = tuple(field.name for field in fields(Measures) if field.name != "days")
_DIALING, _WAITING = 2, 3
"""Spaces of advisory locks: of an organisation whose processes dial ahead, of a process whose customers wait."""
_RINGING: Final = "('created', 'originating', 'ringing')"
_ANSWERED: Final = "('answered', 'in_flow', 'waiting_agent')"


@dataclass(frozen=True, slots=True)
class Now:
    """A process at this moment."""

    floor: Floor
    ringing: int
    """Calls that nobody has answered yet, and that have no agent of their own."""


async def alone(connection: Any, organisation_id: int) -> None:
    """Nobody else dials ahead for this organisation until the transaction ends: its processes may share agents."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1::int::text, $2))",
                             organisation_id, _DIALING)  # fmt: skip


async def now(connection: Any, organisation_id: int, process_id: int, users: Sequence[str]) -> Now:
    """The agents of a process and its calls under way, of all workers.

    Calls ahead of another process are counted off against ready agents whom the two share.
    """
    row = await connection.fetchrow(
        f"""with at_work as (
                select presence from agent
                join login on login.organisation_id = agent.organisation_id and login.login = agent.login
                where agent.organisation_id = $1 and agent.login = any($3::text[])
                and retired_at is null and endpoint is not null),
            rivals as (
                select id from process where organisation_id = $1 and id <> $2 and retired_at is null
                and policy ->> 'mode' = 'predictive' and policy -> 'users' ?| $3::text[]),
            ahead as (
                select process_id, state in {_RINGING} as rings from attempt
                where state <> 'ended' and (state in {_RINGING} or state in {_ANSWERED} and disposition is null)
                and (process_id = $2 or process_id in (select id from rivals))
                and not exists (select from agent where agent.organisation_id = $1 and agent.attempt = attempt.id))
            select (select count(*) from at_work where presence = 'ready') as ready,
                   (select count(*) from at_work where presence in ('reserved', 'on_call', 'wrap_up')) as busy,
                   count(*) filter (where process_id = $2 and rings) as ringing,
                   count(*) filter (where process_id = $2 and not rings) as waiting,
                   count(*) filter (where process_id <> $2) as elsewhere
            from ahead""",  # noqa: S608  (ours)
        organisation_id,
        process_id,
        list(users),
    )
    ready = max(0, row["ready"] - row["elsewhere"])
    return Now(Floor(ready, row["busy"], row["waiting"]), row["ringing"])


async def measures(connection: Any, process_id: int, today: int) -> Measures:
    """What has been measured of a process up to a day, by its ordinal."""
    return (await of_processes(connection, [process_id], today)).get(process_id, Measures())


async def of_processes(connection: Any, processes: Sequence[int], today: int) -> Mapping[int, Measures]:
    """The measures of each of these processes that has any."""
    rows = await connection.fetch("select * from pacing where process_id = any($1::int[])", processes)
    days: dict[int, dict[int, Day]] = {}
    for row in await connection.fetch(
        "select process_id, day, answered, abandoned from pacing_day where process_id = any($1::int[]) and day > $2",
        processes,
        date.fromordinal(today - CAP_DAYS),
    ):
        counted = Day(row["answered"], row["abandoned"])
        days.setdefault(row["process_id"], {})[row["day"].toordinal()] = counted
    return {
        row["process_id"]: Measures(**{name: row[name] for name in _AVERAGES}, days=days.get(row["process_id"], {}))
        for row in rows
    }


async def locked(connection: Any, organisation_id: int, process_id: int, today: int) -> Measures:
    """The measures of a process, which nobody else changes until the transaction ends."""
    await connection.execute(
        f"""insert into pacing (organisation_id, process_id, {", ".join(_AVERAGES)})
            values ($1, $2, {", ".join(f"${n}" for n in range(3, len(_AVERAGES) + 3))}) on conflict do nothing""",  # noqa: S608
        organisation_id,
        process_id,
        *(getattr(Measures(), name) for name in _AVERAGES),
    )
    await connection.execute(
        "select from pacing where organisation_id = $1 and process_id = $2 for update", organisation_id, process_id
    )
    return await measures(connection, process_id, today)


async def write(connection: Any, organisation_id: int, process_id: int, measured: Measures, today: int) -> None:
    """Write locked measures with the counts of that day, and wake the dialers: there may be room for more calls."""
    await connection.execute(
        f"""update pacing set {", ".join(f"{name} = ${n}" for n, name in enumerate(_AVERAGES, 3))}
            where organisation_id = $1 and process_id = $2""",  # noqa: S608  (ours)
        organisation_id,
        process_id,
        *(getattr(measured, name) for name in _AVERAGES),
    )
    if (counted := measured.days.get(today)) is not None:
        await connection.execute(
            """insert into pacing_day (organisation_id, process_id, day, answered, abandoned)
               values ($1, $2, $3, $4, $5) on conflict (organisation_id, process_id, day)
               do update set answered = excluded.answered, abandoned = excluded.abandoned""",
            organisation_id,
            process_id,
            date.fromordinal(today),
            counted.answered,
            counted.abandoned,
        )
    await connection.execute("select pg_notify('due', '')")


async def turn(connection: Any, process_id: int, attempt: UUID) -> int:
    """How many customers of a process wait longer than this one; nobody else asks until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended($1::int::text, $2))", process_id, _WAITING)
    longer: int = await connection.fetchval(
        """select count(*) from attempt where state = 'waiting_agent' and process_id = $1 and disposition is null
           and answered_at < coalesce((select own.answered_at from attempt as own
                                       where own.organisation_id = attempt.organisation_id and own.id = $2), 'infinity')
           and id <> $2
           and not exists (select from agent where agent.organisation_id = attempt.organisation_id
                           and agent.attempt = attempt.id)""",
        process_id,
        attempt,
    )
    return longer
