"""Which leads the keys of pushes mean: keys held, leads locked, and ids drawn for leads that are not there yet."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zlib import crc32

from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.lead import Lead, LeadState
from leadline.domain.vendor import UpdateParameter
from leadline.store.do_not_call import list_of
from leadline.store.leads import KEY_COLUMNS, from_row

Key = tuple[int, str]
"""A process, and the value of the update parameter."""
Stripe = tuple[int, int]
"""A process, and one of its locks."""
STRIPES: Final = 2**31 - 1
"""Locks per process, from 1 on: so many that two keys hardly ever share one."""
PROCESS: Final = 0
"""The lock of a process, under which those of its keys are taken."""
FEW: Final = 100
"""Keys that are held without a look at how full PostgreSQL's lock table is."""

_SEEDS: Final = {parameter: crc32(f"{parameter} ".encode()) for parameter in UpdateParameter}


class Moved(Exception):
    """A lead was changed while it was waited for, and may not be the one that its key names any more: look again."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What is there of the keys that were asked for."""

    leads: Mapping[Key, Lead]
    """Locked until the transaction ends: of several the newest open one, else the newest."""
    ids: Mapping[Key, int]
    """For the lead that a key with none may get, rising in the order in which the keys were asked for."""
    busy: frozenset[Key]
    """Keys whose leads another transaction holds; none where they are waited for."""
    listed: Mapping[int, Mapping[str, DoNotCallList]]
    """By process, the numbers that it must not call, of those asked for and those of the leads."""


def stripe_of(process_id: int, parameter: UpdateParameter, value: str) -> Stripe:
    """The lock that stands for a key."""
    return process_id, crc32(value.encode(), _SEEDS[parameter]) % STRIPES + 1


async def hold(connection: Any, stripes: Collection[Stripe], *, waits: bool, whole: bool = False) -> frozenset[Stripe]:
    """Hold these keys until the transaction ends, so that two pushes at once make one lead of a key.

    Keys are held one by one, and their process together with others; with `whole`, or where so many keys would fill
    half of PostgreSQL's lock table, the process is held alone and its keys with it. Locks are taken in one order, so
    that no two pushes wait for each other. Without `waits`, the keys that another transaction holds are returned.
    """
    whole = whole or (len(stripes) > FEW and not await connection.fetchval(_HAS_ROOM, len(stripes)))
    processes = {(process, PROCESS) for process, _ in stripes}
    wanted = sorted(processes if whole else processes.union(stripes))
    missed = {tuple(row) for row in await connection.fetch(_HOLD[waits], *_columns(wanted, 2), whole)}
    return frozenset(stripe for stripe in stripes if stripe in missed or (stripe[0], PROCESS) in missed)


async def match(
    connection: Any,
    parameter: UpdateParameter,
    keys: Collection[Key],
    numbers: Collection[tuple[int, int, str]],
    now: datetime,
    *,
    waits: bool,
) -> Matches:
    """The lead that each key names, locked; `numbers`, each with organisation and process, are looked up on the lists.

    Leads are locked in the order of their ids, whichever key found them, so that no two pushes wait for each other.
    Raises Moved with `waits`.
    """
    column = KEY_COLUMNS[parameter]
    asked = list(numbers)
    rows = await connection.fetch(_MATCH[column, waits], *_columns(keys, 2), *_columns(asked, 3), now) if keys else []
    leads, drawn, busy = {}, {}, set()
    listed: defaultdict[int, dict[str, DoNotCallList]] = defaultdict(dict)
    for row in rows:
        key = row["wanted_process"], row["wanted_key"]
        if row["new_id"] is not None:
            drawn[key] = row["new_id"]
            continue
        held = row["held"]
        if held is None or held[column] != key[1] or (held["state"] == LeadState.CLOSED) != row["was_closed"]:
            busy.add(key)
            continue
        leads[key] = lead = from_row(held)
        if row["listed_everywhere"] is not None:
            listed[lead.process_id][held["number"]] = list_of(everywhere=row["listed_everywhere"])
    if busy and waits:
        raise Moved
    for place in (rows[0]["listed"] or ()) if rows else ():
        _, process, number = asked[abs(place) - 1]
        listed[process][number] = list_of(everywhere=place > 0)
    ids = dict(zip((key for key in keys if key in drawn), sorted(drawn.values()), strict=True))
    return Matches(leads, ids, frozenset(busy), listed)


def _columns(rows: Collection[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[n] for row in rows] for n in range(width)]


# Whatever its batch, each statement that follows has one best plan: making one anew costs more than running it.
_PLANS: Final = "(select set_config('plan_cache_mode', 'force_generic_plan', true)) as plans"
_HOLD: Final = {
    waits: f"""
    select process, stripe from {_PLANS}, unnest($1::int[], $2::int[]) as wanted(process, stripe)
    where case when stripe = {PROCESS} and not $3 then {lock}_shared(process, stripe) {missed}
        else {lock}(process, stripe) {missed} end"""  # noqa: S608  (ours)
    for waits, lock, missed in (
        (True, "pg_advisory_xact_lock", "is null"),
        (False, "pg_try_advisory_xact_lock", "is false"),
    )
}
# Half, since others may ask at the same moment, and every table and index that is used stands in it too.
_HAS_ROOM: Final = """
    select (count(*) + $1) * 2 <= current_setting('max_locks_per_transaction')::int
        * current_setting('max_connections')::int
    from pg_locks"""
# Each look-up is a subquery that the planner cannot merge into a join, and names nothing but the key, so that it goes
# by the key's own index: a plan that was made while the tables were small is kept while they grow.
_MATCH: Final = {
    (column, waits): f"""
    with picked as materialized (
        select wanted.process, wanted.key, newest.organisation_id, newest.id, newest.closed
        from unnest($1::int[], $2::text[]) as wanted(process, key)
        left join lateral (
            select organisation_id, id, state = 'closed' as closed
            from (select organisation_id, process_id, id, state from lead where {column} = wanted.key offset 0) as named
            where process_id = wanted.process
            order by (state = 'closed'), id desc limit 1) as newest on true),
    locked as materialized (
        select known.organisation_id, known.id, of_it.held, (of_it.held).number
        from (select organisation_id, id from picked where id is not null order by id) as known
        cross join lateral (
            select lead as held from lead where lead.organisation_id = known.organisation_id and lead.id = known.id
            for update {"" if waits else "skip locked"}) as of_it)
    select locked.held, picked.process as wanted_process, picked.key as wanted_key, picked.closed as was_closed,
        case when picked.id is null then nextval('lead_id_seq') end as new_id,
        listed.everywhere as listed_everywhere,
        -- the places of those found, negative where only the process's own list has the number
        (select array_agg(case when found.everywhere then place else -place end)
         from unnest($3::int[], $4::int[], $5::text[]) with ordinality as asked(organisation, process, number, place)
         cross join lateral (
            select process_id is null as everywhere from do_not_call
            where organisation_id = asked.organisation and do_not_call.number = asked.number
            and (process_id is null or process_id = asked.process) and (expires_at is null or expires_at > $6)
            order by process_id nulls first limit 1) as found
        ) as listed
    from picked left join locked on locked.organisation_id = picked.organisation_id and locked.id = picked.id
    left join lateral (
        select process_id is null as everywhere from do_not_call
        where organisation_id = locked.organisation_id and number = locked.number
        and (process_id is null or process_id = picked.process) and (expires_at is null or expires_at > $6)
        order by process_id nulls first limit 1) as listed on true
    """  # noqa: S608  (the column is ours)
    for column in KEY_COLUMNS.values()
    for waits in (True, False)
}
