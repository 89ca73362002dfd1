"""The do-not-call list of an organisation, in E.164."""

from collections.abc import Iterable
from typing import Any


async def listed(connection: Any, organisation_id: int, numbers: Iterable[str]) -> frozenset[str]:
    """Those of `numbers` that are on the list."""
    rows = await connection.fetch(
        "select number from do_not_call where organisation_id = $1 and number = any($2::text[])",
        organisation_id,
        list(numbers),
    )
    return frozenset(row["number"] for row in rows)
