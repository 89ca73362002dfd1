"""Many leads chosen by what they are: counted, or taken under lock some hundreds at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadline.domain.lead import Lead, LeadState
from leadline.store.leads import from_row


@dataclass(frozen=True, slots=True)
class Choice:
    """Which leads are meant: those of these processes that are all of what is given."""

    organisation_id: int
    processes: Sequence[int]
    state: LeadState | None = None
    calltype: int | None = None
    ids: Sequence[int] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to leads in one of these states; those that are as wanted already are left alone."""

    states: Collection[LeadState]
    due_at: datetime | None = None
    """When they are to be called; None if they are to be closed."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many leads are meant, and why some of them are left alone."""

    matching: int
    changing: int
    on_the_phone: int
    closed: int


async def count(connection: Any, choice: Choice, change: Change, now: datetime) -> Count:
    """How many leads a change would reach now."""
    row = await connection.fetchrow(
        f"""select count(*) as matching, count(*) filter (where {_CHANGES}) as changing,
                count(*) filter (where state = 'closed') as closed,
                count(*) filter (where state in ('dialing', 'connected', 'wrap_up')) as on_the_phone
            from lead where {_MEANT}""",  # noqa: S608  (ours)
        *_parameters(choice, change, now),
    )
    return Count(**dict(row))


async def take(connection: Any, choice: Choice, change: Change, now: datetime, after: int, most: int) -> list[Lead]:
    """The next leads to be changed, with ids after one, by their ids, locked; what others hold is passed over."""
    rows = await connection.fetch(
        f"""select * from lead where {_MEANT} and {_CHANGES} and id > $11
            order by id limit $12 for update skip locked""",  # noqa: S608  (ours)
        *_parameters(choice, change, now),
        after,
        most,
    )
    return [from_row(row) for row in rows]


_MEANT = """
    organisation_id = $1 and process_id = any($2::int[]) and state = coalesce($3::text, state)
    and calltype = coalesce($4::int, calltype) and ($5::bigint[] is null or id = any($5))
    and created_at > coalesce($6::timestamptz, '-infinity') and created_at < coalesce($7::timestamptz, 'infinity')"""
_CHANGES = """(
    state = any($8::text[]) and ($9::timestamptz is null or (
        media in (11, 12) and due_at is not null and (expires_at is null or expires_at >= $9)
        and case when $9 <= $10::timestamptz then due_at > $10 and held_by is null
                 else due_at <> $9 or held_by is not null end)))"""
"""A lead that is to be called at once and is held by a rule is called as soon as that lets it, without a word."""


def _parameters(choice: Choice, change: Change, now: datetime) -> tuple[Any, ...]:
    return (
        choice.organisation_id,
        list(choice.processes),
        choice.state,
        choice.calltype,
        None if choice.ids is None else list(choice.ids),
        choice.created_after,
        choice.created_before,
        sorted(change.states),
        change.due_at,
        now,
    )
