"""Keys beside the organisation's own API key, each with fewer rights; of a key, only the hash is kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Scope(StrEnum):
    """What a key may be used for."""

    PUSH = "push"
    """Leads may be pushed, and tried without being stored."""
    PULL = "pull"
    """Leads, the push log and the feed may be read."""
    CONTROL = "control"
    """Processes may be paused and stopped, leads cancelled, closed and called at another time."""
    AGENTS = "agents"
    """Agents may be made ready and paused, and leads dialed for them."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one key opens, and whose it is."""

    organisation_id: int
    name: str
    scopes: frozenset[Scope]


API_KEY: Final = frozenset({Scope.PUSH, Scope.PULL, Scope.CONTROL, Scope.AGENTS})
"""What the organisation's API key may be used for, and nothing else."""


async def load(connection: Any) -> dict[bytes, Grant]:
    """Every key that is not retired, by its SHA-256."""
    rows = await connection.fetch(
        "select sha256, organisation_id, name, scopes from api_key where retired_at is null order by name"
    )
    return {
        row["sha256"]: Grant(row["organisation_id"], row["name"], frozenset(map(Scope, row["scopes"]))) for row in rows
    }


async def add(connection: Any, sha256: bytes, grant: Grant, now: datetime) -> bool:
    """Keep a key, and tell every Leadline; False if the organisation has one of this name, be it retired."""
    done = await connection.execute(
        """insert into api_key (sha256, organisation_id, name, scopes, created_at) values ($1, $2, $3, $4, $5)
           on conflict do nothing""",
        sha256,
        grant.organisation_id,
        grant.name,
        _sorted(grant.scopes),
        now,
    )
    await connection.execute("select pg_notify('configuration', '')")
    return bool(done != "INSERT 0 0")


async def retire(connection: Any, organisation_id: int, name: str, now: datetime) -> bool:
    """Let a key open nothing any more, and tell every Leadline; False if there is no such key."""
    done = await connection.execute(
        "update api_key set retired_at = $3 where organisation_id = $1 and name = $2 and retired_at is null",
        organisation_id,
        name,
        now,
    )
    await connection.execute("select pg_notify('configuration', '')")
    return bool(done != "UPDATE 0")


def _sorted(scopes: Iterable[Scope]) -> list[str]:
    return sorted(scope.value for scope in scopes)
