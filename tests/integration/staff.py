"""Agents on a test's own database: logins with phones, and where each of them is."""

from datetime import UTC, datetime
from typing import Any

from leadline.domain.agent import Presence
from leadline.store import agents
from leadline.store.agents import Agent
from leadline.store.database import Database


def phone_of(name: str) -> str:
    return f"sip:{name}@127.0.0.1:5090"


async def hire(database: Database, *names: str, organisation: int = 1, presence: str = "ready", **columns: Any) -> None:
    """Users of an organisation, ready in this order."""
    async with database.transaction() as connection:
        await connection.execute(
            """insert into organisation (id, name, apikey_sha256, timezone) overriding system value
               values ($1::int, 'org ' || $1::int, int4send($1::int), 'UTC') on conflict do nothing""",
            organisation,
        )
        for name in names:
            await connection.execute(
                "insert into login (organisation_id, login, role, endpoint) values ($1, $2, $3, $4)",
                organisation, f"{name}@acme.example", columns.get("role", "agent"),
                columns.get("endpoint", phone_of(name)),
            )  # fmt: skip
            await agents.get(connection, organisation, f"{name}@acme.example", lock=True)
            now = datetime.now(UTC)
            await agents.put(connection, organisation, f"{name}@acme.example", Presence(presence), now)


async def whereabouts(database: Database, name: str, organisation: int = 1) -> Agent:
    async with database.connection() as connection:
        agent = await agents.get(connection, organisation, f"{name}@acme.example")
    assert agent is not None
    return agent
