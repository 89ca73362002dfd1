"""Attempts as rows: written with the claim, before the INVITE; changed as the call speaks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadline.domain.attempt import AttemptState, Outcome

_ASKED: Final = (
    "id, call_id, trunk, dial_string, caller_id, state, started_at, ringing_at, answered_at, ended_at, "
    "sip_status, cause, outcome, disposition, hung_up_by, digits, path"
)
_CHANGEABLE: Final = frozenset(
    {"state", "call_id", "ringing_at", "answered_at", "ended_at", "sip_status", "cause", "outcome", "disposition",
     "hung_up_by", "digits", "path"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
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


async def insert(connection: Any, attempts: Sequence[Attempt]) -> None:
    """Write attempts that are about to be made."""
    columns = list(Attempt.__dataclass_fields__)
    await connection.executemany(
        f"insert into attempt ({', '.join(columns)}, state) "  # noqa: S608  (names are ours)
        f"values ({', '.join(f'${n}' for n in range(1, len(columns) + 1))}, '{AttemptState.CREATED}')",
        [tuple(getattr(attempt, column) for column in columns) for attempt in attempts],
    )


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


async def congested_trunks(
    connection: Any, organisation_id: int, lead_ids: Sequence[int], since: datetime
) -> set[tuple[int, str]]:
    """Which trunks have been congested for which of these leads since then."""
    rows = await connection.fetch(
        """select lead_id, trunk from attempt where organisation_id = $1 and lead_id = any($2::bigint[])
           and outcome = 'congestion' and ended_at > $3""",
        organisation_id,
        list(lead_ids),
        since,
    )
    return {(row["lead_id"], row["trunk"]) for row in rows}


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
