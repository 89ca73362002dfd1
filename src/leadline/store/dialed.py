"""What has been dialed lately, as far as it counts towards limits; and numbers that one dialer at a time may call."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from leadline.domain.eligibility import Dialed
from leadline.domain.lead import Lead


class Recent:
    """Attempts by lead and by number."""

    def __init__(self, attempts: Collection[Dialed] = ()) -> None:
        self._by_lead: defaultdict[int, list[Dialed]] = defaultdict(list)
        self._by_number: defaultdict[str, list[Dialed]] = defaultdict(list)
        for attempt in attempts:
            self.add(attempt)

    def add(self, attempt: Dialed) -> None:
        """Count one more."""
        self._by_lead[attempt.lead_id].append(attempt)
        self._by_number[attempt.number].append(attempt)

    def of(self, lead: Lead) -> Sequence[Dialed]:
        """Those of a lead, and those to its number."""
        own = [attempt for attempt in self._by_lead.get(lead.id, ()) if attempt.number != lead.number]
        return [*own, *self._by_number.get(lead.number or "", ())]


async def recent(
    connection: Any, organisation_id: int, lead_ids: Collection[int], numbers: Collection[str], since: datetime
) -> Recent:
    """The attempts of these leads and to these numbers since then, in all processes of the organisation.

    One that found its trunk congested did not reach the customer, and does not count.
    """
    rows = await connection.fetch(
        # In order, so that a planner which knows nothing of the table yet looks each up in the index that has it.
        """with counted as (
               select id, lead_id, attempt.number, started_at from unnest($2::text[]) as tried(number)
               cross join lateral (
                   select id, lead_id, number, started_at from attempt
                   where organisation_id = $1 and number = tried.number and started_at > $4
                   and outcome is distinct from 'congestion' order by started_at) as attempt
               union
               select id, lead_id, number, started_at from unnest($3::bigint[]) as tried(lead)
               cross join lateral (
                   select id, lead_id, number, started_at from attempt
                   where organisation_id = $1 and lead_id = tried.lead and started_at > $4
                   and outcome is distinct from 'congestion' order by started_at) as attempt)
           select lead_id, number, started_at from counted""",
        organisation_id,
        list(numbers),
        list(lead_ids),
        since,
    )
    return Recent([Dialed(row["lead_id"], row["number"], row["started_at"]) for row in rows])


async def of_leads(connection: Any, organisation_id: int, leads: Collection[Lead], since: datetime) -> Recent:
    """The attempts since then that count towards the limits of these leads."""
    numbers = {lead.number for lead in leads if lead.number}
    return await recent(connection, organisation_id, [lead.id for lead in leads], numbers, since)


async def hold(connection: Any, organisation_id: int, numbers: Collection[str]) -> frozenset[str]:
    """Those of `numbers` that nobody else is about to dial: what limits one number must not be counted twice at once.

    They are held until the transaction ends; what another transaction holds is passed over.
    """
    rows = await connection.fetch(
        """select number from unnest($2::text[]) as number
           where pg_try_advisory_xact_lock(hashtextextended($1::int || ' ' || number, 1))""",
        organisation_id,
        list(numbers),
    )
    return frozenset(row["number"] for row in rows)
