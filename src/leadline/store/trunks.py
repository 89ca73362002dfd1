"""Trunks as all workers use them together: who holds how many of their slots, and how each is found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from leadline.domain.breaker import Health
from leadline.domain.policy import TrunkPolicy


@dataclass(frozen=True, slots=True)
class Use:
    """What other workers hold of a trunk."""

    up: int
    """Calls that are not over."""
    sent: int
    """INVITEs of the last stretch, and those about to be sent."""
    wait: float | None
    """Seconds until the first of those sent is out of the stretch."""
    others: int = 0
    """Workers that may want some of it."""


async def use_elsewhere(connection: Any, worker: str, names: Sequence[str], sliding: timedelta) -> dict[str, Use]:
    """What others hold of these trunks; until the transaction ends nobody else may take of them.

    Empty if the worker's lease has run out: it may take nothing.
    """
    rows = await connection.fetch(
        """select used.*, (select count(*) from worker where name <> $1 and expires_at > clock_timestamp()) as others
           from trunk_use($1, $2, $3) as used""",
        worker,
        list(names),
        sliding,
    )
    return {row["trunk"]: Use(row["up"], row["sent"], row["wait"], row["others"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Found:
    """How a trunk is found."""

    trunk: str
    state: str
    reason: str
    since: datetime
    tried_at: datetime | None = None
    """When one that is down may be tried by a call, whatever becomes of it before."""


async def write_health(connection: Any, worker: str, found: Sequence[Found]) -> bool:
    """Keep whether this worker is registered with trunks; False of one that holds no lease: nothing is kept of it."""
    done = await connection.execute(
        """insert into trunk_health (trunk, worker, state, reason, since)
           select trunk, name, state, reason, since
           from (select name from worker where name = $1 for key share) as me,
                unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) as f(trunk, state, reason, since)
           on conflict (trunk, worker)
           do update set state = excluded.state, reason = excluded.reason, since = excluded.since""",
        worker,
        [one.trunk for one in found],
        [one.state for one in found],
        [one.reason for one in found],
        [one.since for one in found],
    )
    return bool(done != "INSERT 0 0")


async def health(connection: Any) -> dict[str, list[Found]]:
    """How each trunk stands for all workers, and how those that live find it themselves."""
    found: dict[str, list[Found]] = {}
    for row in await connection.fetch(
        """select trunk, case when until > clock_timestamp() then $1 else $2 end as state, reason, since,
                  until as tried_at from circuit where since is not null
           union all select trunk, state, reason, since, null from trunk_health join worker on name = worker
           where expires_at > clock_timestamp() order by since""",
        Health.DOWN,
        Health.TRIAL,
    ):
        found.setdefault(row["trunk"], []).append(Found(**row))
    return found


async def unable(connection: Any, used: Sequence[TrunkPolicy]) -> dict[str, str]:
    """Why some of these trunks take no call now, by their names."""
    calls = await in_use(connection)
    reasons = {trunk.name: f"all of its {trunk.channels} channels are in use" for trunk in used
               if calls.get(trunk.name, (0, 0))[0] >= trunk.channels}  # fmt: skip
    for row in await connection.fetch(
        """select trunk, since, reason, until as tried_at from circuit where since is not null
           union all select trunk, min(since), min(reason), null from trunk_health join worker on name = worker
           where expires_at > clock_timestamp() group by trunk having bool_and(state = $1)""",
        Health.DOWN,
    ):
        tried = "" if row["tried_at"] is None else f", tried with one call from {row['tried_at']:{_INSTANT}} on"
        reasons[row["trunk"]] = f"down since {row['since']:{_INSTANT}}{tried}: {row['reason']}"
    return reasons


_INSTANT: Final = "%Y-%m-%d %H:%M:%S UTC"


async def in_use(connection: Any) -> dict[str, tuple[int, int]]:
    """By trunk, the calls up now and the INVITEs of the last second, of all workers."""
    rows = await connection.fetch(
        """select trunk, count(*) filter (where up) as up,
                  count(*) filter (where sent_at > statement_timestamp() - interval '1 s') as sent
           from (select trunk, sent_at, true as up from attempt where state <> 'ended'
                 union all select trunk, sent_at, false from attempt
                 where state = 'ended' and sent_at > statement_timestamp() - interval '1 s'
                 union all select trunk, sent_at, ended_at is null from leg) as used
           group by trunk"""
    )
    return {row["trunk"]: (row["up"], row["sent"]) for row in rows}
