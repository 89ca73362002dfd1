"""Answers as rows: what a request was answered, kept so that the same request can be answered the same again."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

KEPT_FOR: Final = timedelta(hours=24)
"""How long an answer is kept; after that its key is free again."""


class Place(NamedTuple):
    """Where an answer is kept: a request's key, at one door, of one organisation."""

    organisation_id: int
    door: str
    key: str


class Answer(NamedTuple):
    """What was answered, and the digest of the body that was answered so."""

    digest: bytes
    answer: bytes


async def lock(connection: Any, organisation_id: int, door: str, key: str, *, wait: bool) -> bool:
    """Hold a key until the transaction ends; without `wait`, False if another request holds it."""
    return bool(await connection.fetch(_LOCK[wait], [organisation_id], [door], [key]))


async def unanswered(connection: Any, places: Sequence[Place], now: datetime) -> set[Place]:
    """Those of these places that no other request holds and that have no answer, held until the transaction ends."""
    columns = list(zip(*places, strict=True))
    held = await connection.fetch(_LOCK[False], *columns)
    # Another statement, since what a request kept whose lock was just let go is there to be seen only now.
    answered = await connection.fetch(_ANSWERED, *columns, now - KEPT_FOR)
    return {Place(*row) for row in held}.difference(Place(*row) for row in answered)


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


async def write(connection: Any, kept: Iterable[tuple[Place, Answer]], now: datetime) -> None:
    """Keep answers, each over one that is kept no more."""
    columns = zip(*((*place, *answer) for place, answer in kept), strict=True)
    await connection.execute(_WRITE, *columns, now)


async def forget(connection: Any, now: datetime) -> int:
    """Delete what is kept no more; returns how many there were."""
    done = await connection.execute("delete from answer where answered_at <= $1", now - KEPT_FOR)
    return int(done.split()[-1])


_WANTED: Final = "unnest($1::int[], $2::text[], $3::text[]) as wanted(organisation, door, key)"
_HASH: Final = "hashtextextended(door || chr(1) || key, organisation)"
_LOCK: Final = {
    wait: f"select organisation, door, key from {_WANTED} where {held}"  # noqa: S608  (ours)
    for wait, held in (
        (True, f"pg_advisory_xact_lock({_HASH}) is not null"),
        (False, f"pg_try_advisory_xact_lock({_HASH})"),
    )
}
# A subquery that can be no join, so that it goes by the key, however small the table was when it was planned.
_ANSWERED: Final = f"""
    select organisation, door, key from {_WANTED}
    where (select answered_at from answer
           where organisation_id = organisation and answer.door = wanted.door and answer.key = wanted.key) > $4
    """  # noqa: S608  (ours)
_WRITE: Final = """
    insert into answer (organisation_id, door, key, digest, answer, answered_at)
    select organisation, door, key, digest, answer, $6
    from unnest($1::int[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
        as given(organisation, door, key, digest, answer)
    on conflict (organisation_id, door, key) do update
    set digest = excluded.digest, answer = excluded.answer, answered_at = excluded.answered_at"""
