"""How processes stand: what waits, what is held and why, what is on the phone; cheap however much that is.

Each figure is counted by an index, up to a bound. What is more is told as PostgreSQL estimates it, and said to be so.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from leadline.domain.lead import LeadState
from leadline.domain.upsert import DueKind
from leadline.domain.vendor import AWAITING_SPEECH, FOR_AGENTS, PRIORITIES, CallType
from leadline.store import claims, control

BOUND: Final = 10_000
"""Leads that are counted one by one."""
_DIALED: Final = (DueKind.CALL, DueKind.OFFER, DueKind.AGREED)
_CALLTYPES: Final = {
    (kind, priority): calltype
    for calltype, priority in PRIORITIES.items()
    for kind in (DueKind.OFFER if calltype in FOR_AGENTS else DueKind.CALL,)
}
"""No two call types are due for the same with the same priority."""


@dataclass(slots=True)
class Standing:
    """How a process stands."""

    paused: bool = False
    stopped: bool = False
    waiting: dict[str, dict[int, int]] = field(default_factory=dict)
    """Leads that are to be called, by state and call type; 10500 while their audio is made."""
    due_now: int = 0
    """Leads to be called, or offered, whose time has come."""
    held: Counter[str] = field(default_factory=Counter)
    """Waiting leads by the rule that delays them."""
    calls: int = 0
    """Attempts that have not ended."""
    on_the_phone: dict[str, int] = field(default_factory=dict)
    """Those, by their state."""
    estimated: bool = False
    """Whether a figure above `BOUND` is an estimate."""

    def waits(self, state: LeadState, status: int, leads: int) -> None:
        """So many more wait."""
        by_status = self.waiting.setdefault(state, {})
        by_status[status] = by_status.get(status, 0) + leads


async def standings(connection: Any, processes: Sequence[int], now: datetime) -> dict[int, Standing]:
    """How each of these processes stands."""
    flags = await control.flags(connection, processes)
    found = {process: Standing(paused, stopped) for process, (paused, stopped) in flags.items()}
    await _count_due(connection, found, now)
    await _count_held(connection, found)
    await _count_offered(connection, found)
    for row in await connection.fetch(
        """select process_id, state, count(*) as calls from attempt
           where state <> 'ended' and process_id = any($1::int[]) group by process_id, state""",
        list(found),
    ):
        standing = found[row["process_id"]]
        standing.calls += row["calls"]
        standing.on_the_phone[row["state"]] = row["calls"]
    return found


async def _count_due(connection: Any, found: dict[int, Standing], now: datetime) -> None:
    """A lead that waits has one row of what is due of it, but its expiry: its kind is its state, near enough.

    `order by` keeps the planner to the index, which it would else read whole before it stops at the bound.
    """
    for row in await connection.fetch(
        """select process, kind, priority, whole.rows, due.rows as due
           from unnest($1::int[]) as process cross join unnest($2::text[]) as kind
           cross join unnest($3::smallint[]) as priority
           cross join lateral (
               select count(*) as rows from (
                   select from due where due.kind = kind.kind and process_id = process
                   and due.priority = priority.priority order by due_at limit $5) as few) as whole
           cross join lateral (
               select count(*) as rows from (
                   select from due where due.kind = kind.kind and process_id = process
                   and due.priority = priority.priority and due_at <= $4
                   order by due_at limit $5) as few) as due
           where whole.rows > 0""",
        list(found),
        [DueKind.CALL, DueKind.OFFER, DueKind.AGREED, DueKind.PROMPT],
        claims.PRIORITIES,
        now,
        BOUND + 1,
    ):
        standing, kind, priority = found[row["process"]], DueKind(row["kind"]), row["priority"]
        key = (kind.value, row["process"], priority)
        if kind is DueKind.PROMPT:
            rows = await _told(connection, standing, row["rows"], _DUE, *key)
            standing.waits(LeadState.AWAITING_PROMPT, AWAITING_SPEECH, rows)
        elif kind is not DueKind.AGREED:  # which is on an agent's desk
            rows = await _told(connection, standing, row["rows"], _DUE, *key)
            standing.waits(LeadState.SCHEDULED, CallType(_CALLTYPES[kind, priority]), rows)
        if kind in _DIALED:
            standing.due_now += await _told(connection, standing, row["due"], _DUE_NOW, *key, now)


_DUE: Final = "select from due where kind = $1 and process_id = $2 and priority = $3"
_DUE_NOW: Final = f"{_DUE} and due_at <= $4"


async def _count_held(connection: Any, found: dict[int, Standing]) -> None:
    """Rule by rule, each found by one look into the index behind the last."""
    for row in await connection.fetch(
        """with recursive rule as (
               select process, (select min(held_by) from lead
                                where process_id = process and held_by is not null) as held_by
               from unnest($1::int[]) as process
               union all
               select process, (select min(lead.held_by) from lead
                                where process_id = process and lead.held_by > rule.held_by)
               from rule where rule.held_by is not null)
           select process, rule.held_by, few.rows from rule cross join lateral (
               select count(*) as rows from (
                   select from lead where process_id = process and lead.held_by = rule.held_by limit $2) as few) as few
           where rule.held_by is not null""",
        list(found),
        BOUND + 1,
    ):
        standing, rule = found[row["process"]], row["held_by"]
        standing.held[rule] = await _told(connection, standing, row["rows"], _HELD, row["process"], rule)


_HELD: Final = "select from lead where process_id = $1 and held_by = $2"


async def _count_offered(connection: Any, found: dict[int, Standing]) -> None:
    """As many as there are agents, at most."""
    for row in await connection.fetch(
        # `offset 0`, so that each lead is looked up, whatever the planner expects of the other table.
        """select process_id, calltype, count(*) as leads from offer
           cross join lateral (
               select process_id, calltype from lead
               where organisation_id = offer.organisation_id and id = lead_id and state = 'offered' offset 0) as shown
           where login is not null and process_id = any($1::int[]) group by process_id, calltype""",
        list(found),
    ):
        found[row["process_id"]].waits(LeadState.OFFERED, row["calltype"], row["leads"])


async def _told(connection: Any, standing: Standing, counted: int, query: str, *parameters: Any) -> int:
    """What was counted, or, if that is more than the bound, what PostgreSQL expects the query to find."""
    if counted <= BOUND:
        return counted
    standing.estimated = True
    (plan,) = await connection.fetchval(f"explain (format json) {query}", *parameters)
    return max(counted, int(plan["Plan"]["Plan Rows"]))
