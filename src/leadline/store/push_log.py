"""The push log as it is read back: what was pushed, newest first, and every record that was refused, verbatim."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Query:
    """Which pushes are asked for: those of `processes`, below the id `before`; None of either asks for all."""

    processes: Collection[int] | None = None
    only_rejected: bool = False
    """Only pushes of which a record was refused."""
    limit: int = 50
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some pushes, and the cursor of the next page; None at the end."""

    items: Sequence[Mapping[str, Any]]
    next: int | None


async def page(connection: Any, organisation_id: int, servicekeys: Mapping[int, str], query: Query) -> Page:
    """One page of an organisation's pushes.

    `servicekey` is None of a process that has been retired, `request` of a push from before it was kept.
    """
    rows = await connection.fetch(
        f"""select {", ".join(_TOLD)}, process_id from push
            where organisation_id = $1
            and ($2::int[] is null or process_id = any($2)) and ($3::bigint is null or id < $3)
            {"and json_array_length(rejected) > 0" if query.only_rejected else ""}
            order by id desc limit $4""",  # noqa: S608  (ours)
        organisation_id,
        None if query.processes is None else list(query.processes),
        query.before,
        query.limit + 1,
    )
    shown = [_view(row, servicekeys) for row in rows[: query.limit]]
    return Page(shown, shown[-1]["id"] if len(rows) > query.limit else None)


def _view(row: Mapping[str, Any], servicekeys: Mapping[int, str]) -> dict[str, Any]:
    return {**{name: row[name] for name in _TOLD}, "servicekey": servicekeys.get(row["process_id"])}


_TOLD: Final = ("id", "at", "transport", "requestid", "request", "counts", "rejected", "warnings")
