"""One customer's lead and its last call, as an agent's desk asks for them."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from leadline.domain.attempt import AttemptState
from leadline.domain.lead import Lead
from leadline.store import leads


class LastAttempt(NamedTuple):
    """The last attempt on a lead."""

    id: UUID
    has_ended: bool


async def newest(
    connection: Any, organisation_id: int, process_id: int, number_key: str, customercode: str | None = None
) -> Lead | None:
    """A customer's lead by the number, locked: of several the newest open one, else the newest.

    With a customer code it is the lead of that one, where several customers share a number.
    """
    lead_id = await connection.fetchval(
        """select id from lead where process_id = $1 and number_key = $2 and ($3::text is null or customercode = $3)
           order by (state = 'closed'), id desc limit 1""",
        process_id,
        number_key,
        customercode,
    )
    return None if lead_id is None else await leads.get(connection, organisation_id, lead_id, lock=True)


async def last_attempt(connection: Any, lead: Lead) -> LastAttempt | None:
    """The last call to a lead, if there was one."""
    row = await connection.fetchrow(
        """select id, state from attempt where organisation_id = $1 and lead_id = $2
           order by started_at desc, id desc limit 1""",
        lead.organisation_id,
        lead.id,
    )
    return LastAttempt(row["id"], row["state"] == AttemptState.ENDED) if row else None


async def set_disposition(connection: Any, lead: Lead, attempt_id: UUID, disposition: str) -> None:
    """Write how a call went."""
    await connection.execute(
        "update attempt set disposition = $3 where organisation_id = $1 and id = $2",
        lead.organisation_id,
        attempt_id,
        disposition,
    )


async def remarks(connection: Any, organisation_id: int, lead_ids: list[int]) -> dict[str, tuple[str | None, datetime]]:
    """What agents remarked of calls, and when, by the attempt's id; of several remarks the last."""
    rows = await connection.fetch(
        """select data->>'attempt' as attempt, data->>'remarks' as remarks, at from event
           where organisation_id = $1 and lead_id = any($2::bigint[]) and kind = 'lead.updated' and data ? 'disposition'
           order by lead_id, seq""",
        organisation_id,
        lead_ids,
    )
    return {row["attempt"]: (row["remarks"], row["at"]) for row in rows}
