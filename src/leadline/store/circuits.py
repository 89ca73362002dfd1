"""The circuit breakers of trunks, as rows: what one worker has found out holds for all, and for who starts later.

Each word is given on a condition, so that of two workers who say different things at once the first is believed; who
has changed something tells all (`trunk`). Instants are the database's, since workers compare them.
"""

from dataclasses import dataclass
from typing import Any

from leadline.domain.breaker import Circuit

_TOLD = "select pg_notify('trunk', '') from changed"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a trunk; `circuit` counts from when it was read, and is None while the trunk is up."""

    circuit: Circuit | None
    answered: bool
    """Whether it has ever answered OPTIONS."""
    trial: str | None
    """The worker that tries it, or is about to."""
    trial_ends: float | None
    """Seconds after which another may."""


async def read(connection: Any) -> dict[str, Known]:
    """What is known of every trunk of which something is."""
    rows = await connection.fetch(
        """select trunk, answered, since is not null as down, pause, reason, by_silence, trial,
                  extract(epoch from until - clock_timestamp())::double precision as wait,
                  extract(epoch from trial_until - clock_timestamp())::double precision as trial_ends
           from circuit"""
    )
    return {
        row["trunk"]: Known(
            Circuit(row["wait"], row["pause"], row["reason"], row["by_silence"]) if row["down"] else None,
            row["answered"],
            row["trial"],
            row["trial_ends"],
        )
        for row in rows
    }


async def down(connection: Any, worker: str, trunk: str, circuit: Circuit) -> None:
    """The trunk is down: found so where it was up, or by the worker that tried it."""
    await connection.execute(
        f"""with changed as (
                insert into circuit (trunk, since, until, pause, reason, by_silence)
                values ($1, clock_timestamp(), clock_timestamp() + make_interval(secs => $3), $3, $4, $5)
                on conflict (trunk) do update set since = coalesce(circuit.since, excluded.since),
                    until = excluded.until, pause = excluded.pause, reason = excluded.reason,
                    by_silence = excluded.by_silence, trial = null, trial_until = null
                where circuit.since is null or circuit.trial = $2 returning 1)
            {_TOLD}""",  # noqa: S608  (ours)
        trunk,
        worker,
        circuit.pause,
        circuit.reason,
        circuit.by_silence,
    )


async def up(connection: Any, worker: str, trunk: str) -> None:
    """The trunk is up again: by the word of the worker that tried it, or, if it was only silent, of anybody."""
    await connection.execute(
        f"""with changed as (
                update circuit set since = null, until = null, trial = null, trial_until = null
                where trunk = $1 and since is not null and (trial = $2 or by_silence) returning 1)
            {_TOLD}""",  # noqa: S608  (ours)
        trunk,
        worker,
    )


async def answered(connection: Any, trunk: str) -> None:
    """The trunk has answered OPTIONS, so that its silence means something."""
    await connection.execute(
        """insert into circuit (trunk, answered) values ($1, true)
           on conflict (trunk) do update set answered = true where not circuit.answered""",
        trunk,
    )


async def take_trial(connection: Any, worker: str, trunk: str, seconds: float) -> bool:
    """Have this worker try a trunk, or go on to, for so long; False if another does, or its time has not come."""
    return bool(
        await connection.fetchval(
            """with me as materialized (  -- before the circuit, as by whoever deletes a worker that is gone
                   select name from worker where name = $2 and expires_at > clock_timestamp() for key share)
               update circuit set trial = name, trial_until = clock_timestamp() + make_interval(secs => $3) from me
               where trunk = $1 and since is not null and until <= clock_timestamp()
               and (trial is null or trial = $2 or trial_until <= clock_timestamp()) returning true""",
            trunk,
            worker,
            seconds,
        )
    )


async def forget(connection: Any, trunk: str) -> None:
    """A trunk that is another now is judged anew."""
    await connection.execute(
        f"with changed as (delete from circuit where trunk = $1 returning 1) {_TOLD}",  # noqa: S608  (ours)
        trunk,
    )
