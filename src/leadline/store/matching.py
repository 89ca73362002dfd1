"""Which leads the keys of pushes mean: keys held, leads locked, and ids drawn for leads that are not there yet."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

from leadline.domain.lead import Lead, LeadState
from leadline.domain.vendor import UpdateParameter
from leadline.store.leads import KEY_COLUMNS, from_row

Key = tuple[int, str]
"""A process, and the value of the update parameter."""
Stripe = tuple[int, int]
"""A process, and one of its locks."""
STRIPES: Final = 512
"""Advisory locks per process: enough that pushes seldom wait, few enough for PostgreSQL's lock table."""


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
    listed: Mapping[int, Collection[str]]
    """Numbers on the do-not-call list of their organisation, of those asked for and those of the leads."""


def stripe_of(process_id: int, parameter: UpdateParameter, value: str) -> Stripe:
    """The lock that stands for a key."""
    return process_id, crc32(value.encode(), _SEEDS[parameter]) % STRIPES


async def hold(connection: Any, stripes: Iterable[Stripe], *, waits: bool) -> frozenset[Stripe]:
    """Hold these keys until the transaction ends, so that two pushes at once make one lead of a key.

    Locks are taken in one order, so that no two pushes wait for each other. Without `waits`, those that another
    transaction holds are returned.
    """
    processes, numbers = _columns(sorted(stripes), 2)
    if waits:
        await connection.execute(_HOLD, processes, numbers)
        return frozenset()
    return frozenset(map(tuple, await connection.fetch(_TRY, processes, numbers)))


async def match(
    connection: Any,
    parameter: UpdateParameter,
    keys: Collection[Key],
    numbers: Collection[tuple[int, str]],
    *,
    waits: bool,
) -> Matches:
    """The lead that each key names, locked; `numbers`, each with its organisation, are looked up on their lists.

    Leads are locked in the order of their ids, whichever key found them, so that no two pushes wait for each other.
    Raises Moved with `waits`.
    """
    column = KEY_COLUMNS[parameter]
    asked = list(numbers)
    rows = await connection.fetch(_MATCH[column, waits], *_columns(keys, 2), *_columns(asked, 2)) if keys else []
    leads, drawn, busy = {}, {}, set()
    listed: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        key = row["wanted_process"], row["wanted_key"]
        if row["new_id"] is not None:
            drawn[key] = row["new_id"]
        elif row["id"] is None or row[column] != key[1] or (row["state"] == LeadState.CLOSED) != row["was_closed"]:
            busy.add(key)
        else:
            leads[key] = lead = from_row(row)
            if row["is_listed"]:
                listed[lead.organisation_id].add(row["number"])
    if busy and waits:
        raise Moved
    for place in (rows[0]["listed"] or ()) if rows else ():
        organisation, number = asked[place - 1]
        listed[organisation].add(number)
    ids = dict(zip((key for key in keys if key in drawn), sorted(drawn.values()), strict=True))
    return Matches(leads, ids, frozenset(busy), listed)


def _columns(rows: Collection[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[n] for row in rows] for n in range(width)]


# Whatever its batch, each statement that follows has one best plan: making one anew costs more than running it.
_PLANS: Final = "(select set_config('plan_cache_mode', 'force_generic_plan', true)) as plans"
_HOLD: Final = f"""
    select pg_advisory_xact_lock(process, stripe)
    from {_PLANS}, unnest($1::int[], $2::int[]) as wanted(process, stripe)"""  # noqa: S608  (ours)
_TRY: Final = f"""
    select process, stripe from {_PLANS}, unnest($1::int[], $2::int[]) as wanted(process, stripe)
    where not pg_try_advisory_xact_lock(process, stripe)"""  # noqa: S608  (ours)
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
        select held.* from (select organisation_id, id from picked where id is not null order by id) as known
        cross join lateral (
            select * from lead where lead.organisation_id = known.organisation_id and lead.id = known.id
            for update {"" if waits else "skip locked"}) as held)
    select locked.*, picked.process as wanted_process, picked.key as wanted_key, picked.closed as was_closed,
        case when picked.id is null then nextval('lead_id_seq') end as new_id,
        listed.number is not null as is_listed,
        (select array_agg(place)
         from unnest($3::int[], $4::text[]) with ordinality as asked(organisation, number, place)
         cross join lateral (
            select from do_not_call
            where organisation_id = asked.organisation and do_not_call.number = asked.number limit 1) as found
        ) as listed
    from picked left join locked on locked.organisation_id = picked.organisation_id and locked.id = picked.id
    left join lateral (
        select number from do_not_call
        where organisation_id = locked.organisation_id and number = locked.number limit 1) as listed on true
    """  # noqa: S608  (the column is ours)
    for column in KEY_COLUMNS.values()
    for waits in (True, False)
}
