"""Attempts as rows: written with the claim, before the INVITE; changed as the call speaks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from leadline.domain.attempt import AttemptState, Outcome

_ASKED: Final = f"""
    id, call_id, trunk, dial_string, caller_id, state, started_at, ringing_at, answered_at, ended_at, sip_status, cause,
    case outcome when '{Outcome.ABANDONED}' then '{Outcome.ABANDONED.told}' else outcome end as outcome,
    disposition, hung_up_by, digits, path"""
_CHANGEABLE: Final = frozenset(
    {"state", "call_id", "ringing_at", "answered_at", "ended_at", "sip_status", "cause", "outcome", "disposition",
     "hung_up_by", "digits", "path"}
)  # fmt: skip


class Attempt(Struct, frozen=True):
    """An attempt as it is begun."""

    organisation_id: int
    id: UUID
    lead_id: int
    process_id: int
    opening: int
    worker: str
    trunk: str
    number: str
    dial_string: str
    caller_id: str | None
    started_at: datetime


def insert_from(parameter: str) -> str:
    """The SQL that writes a JSON array of attempts that are about to be made."""
    return f"""
        insert into attempt ({_BEGUN}, state) select {_BEGUN}, '{AttemptState.CREATED}'
        from json_to_recordset({parameter}::json) as begun(organisation_id int, id uuid, lead_id bigint,
            process_id int, opening int, worker text, trunk text, number text, dial_string text, caller_id text,
            started_at timestamptz)"""  # noqa: S608  (ours)


async def change(connection: Any, organisation_id: int, attempt_id: UUID, values: Mapping[str, Any]) -> bool:
    """Write what is new of an attempt; False if it has ended already, and nothing was written."""
    names = sorted(values)
    if unknown := set(names) - _CHANGEABLE:
        raise ValueError(f"no such columns of an attempt: {unknown}")
    sets = [f"{name} = ${n}" for n, name in enumerate(names, 3)] or ["state = state"]
    if values.get("state", AttemptState.ENDED) is not AttemptState.ENDED or values.get("outcome") is Outcome.UNKNOWN:
        # By the database's clock, since it is compared with those of other workers.
        sets.append("sent_at = coalesce(sent_at, clock_timestamp())")
    done = await connection.execute(
        f"update attempt set {', '.join(sets)} where organisation_id = $1 and id = $2 and state <> 'ended'",  # noqa: S608
        organisation_id,
        attempt_id,
        *(values[name] for name in names),
    )
    return bool(done != "UPDATE 0")


async def outcomes(connection: Any, organisation_id: int, lead_id: int, opening: int) -> Counter[Outcome]:
    """How an opening's attempts have ended, counted."""
    rows = await connection.fetch(
        """select outcome, count(*) as attempts from attempt
           where organisation_id = $1 and lead_id = $2 and opening = $3 and outcome is not null group by outcome""",
        organisation_id,
        lead_id,
        opening,
    )
    return Counter({Outcome(row["outcome"]): row["attempts"] for row in rows})


def congested_of(lead: str, since: str) -> str:
    """The SQL that lists the trunks that have been congested for a lead since then.

    In order, so that a planner which knows nothing of the table yet takes the one index that has it.
    """
    return f"""
        array(select trunk from attempt where organisation_id = {lead}.organisation_id and lead_id = {lead}.id
              and outcome = '{Outcome.CONGESTION}' and ended_at > {since} order by started_at)"""  # noqa: S608  (ours)


async def of_leads(connection: Any, organisation_id: int, lead_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The attempts of each lead that has any, first to last, as they are read back."""
    rows = await connection.fetch(
        f"select lead_id, {_ASKED} from attempt where organisation_id = $1 and lead_id = any($2::bigint[]) "  # noqa: S608
        "order by started_at, id",
        organisation_id,
        list(lead_ids),
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        attempt = dict(row)
        found.setdefault(attempt.pop("lead_id"), []).append(attempt)
    return found


async def orphans(connection: Any, workers: Sequence[str]) -> list[Any]:
    """Attempts of these workers that are not ended, locked; what another transaction holds is passed over."""
    return list(
        await connection.fetch(
            """select organisation_id, id, lead_id, process_id from attempt
               where state <> 'ended' and worker = any($1::text[]) order by id for update skip locked""",
            list(workers),
        )
    )


_BEGUN: Final = ", ".join(Attempt.__struct_fields__)
