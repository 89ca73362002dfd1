"""Leads that wait to be dialed again after an attempt that reached nobody, with all that decides when."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from leadline.domain.attempt import Outcome
from leadline.domain.lead import Lead
from leadline.domain.policy import ProcessPolicy, RetryPolicy
from leadline.store.leads import from_row


class Waiting(NamedTuple):
    """A lead, how its last attempt ended and when, and how the attempts of its opening have."""

    lead: Lead
    outcome: Outcome
    ended_at: datetime
    history: Mapping[Outcome, int]


async def waiting(connection: Any, servicekey: str, now: datetime, after: int, most: int) -> list[Waiting]:
    """The next leads of a process that wait after an attempt, with ids after one, by their ids, locked.

    What another transaction holds is passed over: it is being pushed or dialed at this moment.
    """
    rows = await connection.fetch(
        """select lead.*, last.outcome, last.ended_at, past.history from lead
           join process on process.id = lead.process_id
           cross join lateral (
               select outcome, ended_at from attempt
               where attempt.organisation_id = lead.organisation_id and lead_id = lead.id and opening = lead.opening
               order by started_at desc limit 1) as last
           cross join lateral (
               select jsonb_object_agg(outcome, attempts) as history from (
                   select outcome, count(*) as attempts from attempt
                   where attempt.organisation_id = lead.organisation_id and lead_id = lead.id
                   and opening = lead.opening and outcome is not null group by outcome) as counted) as past
           where servicekey = $1 and state = 'scheduled' and due_at > $2 and held_by is null
           and last.outcome is not null and lead.id > $3
           order by lead.id limit $4 for update of lead skip locked""",
        servicekey,
        now,
        after,
        most,
    )
    return [
        Waiting(
            from_row(row),
            Outcome(row["outcome"]),
            row["ended_at"],
            Counter({Outcome(outcome): count for outcome, count in row["history"].items()}),
        )
        for row in rows
    ]


async def rules(connection: Any, process_id: int) -> RetryPolicy | None:
    """The retry rules of a process as they stand; nobody changes them before this transaction has ended.

    None where they cannot be read: a newer Leadline wrote them.
    """
    policy = await connection.fetchval("select policy from process where id = $1 for share", process_id)
    try:
        return None if policy is None else msgspec.convert(policy, ProcessPolicy).retry
    except msgspec.ValidationError:
        return None
