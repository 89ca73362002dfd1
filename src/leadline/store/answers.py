"""Answers as rows: what a request was answered, kept so that the same request can be answered the same again."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

KEPT_FOR: Final = timedelta(hours=24)
"""How long an answer is kept; after that its key is free again."""


class Answer(NamedTuple):
    """What was answered, and the digest of the body that was answered so."""

    digest: bytes
    answer: bytes


async def lock(connection: Any, organisation_id: int, door: str, key: str, *, wait: bool) -> bool:
    """Hold a key until the transaction ends; without `wait`, False if another request holds it."""
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    held = await connection.fetchval(
        f"select {function}(hashtextextended($1 || chr(1) || $2, $3))",
        door,
        key,
        organisation_id,
    )
    return wait or bool(held)


async def find(connection: Any, organisation_id: int, door: str, key: str, now: datetime) -> Answer | None:
    """The answer of a key, if it has one that is still kept."""
    row = await connection.fetchrow(
        "select digest, answer from answer where organisation_id = $1 and door = $2 and key = $3 and answered_at > $4",
        organisation_id,
        door,
        key,
        now - KEPT_FOR,
    )
    return Answer(row["digest"], row["answer"]) if row else None


async def write(connection: Any, organisation_id: int, door: str, key: str, answer: Answer, now: datetime) -> None:
    """Keep an answer, over one that is kept no more."""
    await connection.execute(
        """insert into answer (organisation_id, door, key, digest, answer, answered_at) values ($1, $2, $3, $4, $5, $6)
           on conflict (organisation_id, door, key) do update
           set digest = excluded.digest, answer = excluded.answer, answered_at = excluded.answered_at""",
        organisation_id,
        door,
        key,
        answer.digest,
        answer.answer,
        now,
    )


async def forget(connection: Any, now: datetime) -> int:
    """Delete what is kept no more; returns how many there were."""
    done = await connection.execute("delete from answer where answered_at <= $1", now - KEPT_FOR)
    return int(done.split()[-1])
