"""The intake as a test sees it: documents in at the front, answers out, and a look at what was stored."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from builders import FixedClock, a_catalogue, a_push
from leadline.intake.command import Intake
from leadline.intake.explain import Explainer
from leadline.intake.request import Limits
from leadline.intake.siblings import Siblings
from leadline.intake.vendor import VendorIntake
from leadline.store import leads
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database


class Counting(Database):
    """Counts transactions."""

    transactions = 0

    @asynccontextmanager
    async def transaction(self):
        self.transactions += 1
        async with super().transaction() as connection:
            yield connection

    @asynccontextmanager
    async def succession(self):
        async with super().succession() as succession:
            one = succession.one

            def counted(follows):
                self.transactions += 1
                return one(follows)

            succession.one = counted
            yield succession


class Front:
    """One Leadline's intake, on a clock that stands still."""

    def __init__(self, database: Database, catalogue: Catalogue | None = None) -> None:
        self.clock = FixedClock()
        self.database = database
        self.catalogue = catalogue or a_catalogue()
        limits, explainer = Limits(), Explainer(database, self.clock)
        siblings = Siblings(database, self.clock, limits)
        self.intake = VendorIntake(Intake(database, self.clock), explainer, siblings, self.clock, limits)

    async def push(self, *records: Any, **nodes: Any) -> dict[str, Any]:
        answer = await self.intake.answer(a_push(*records, **nodes), self.catalogue, "json")
        return json.loads(json.dumps(answer))

    async def action(self, *records: Any, **nodes: Any) -> str:
        """What became of the last record of a push."""
        return (await self.push(*records, verbose=1, **nodes))["results"][-1]["action"]

    async def rows(self, table: str, order: str = "id") -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(f"select * from {table} order by {order}")]  # noqa: S608

    async def lead(self) -> dict[str, Any]:
        (row,) = await self.rows("lead")
        return row

    async def due(self) -> list[tuple[str, Any]]:
        return [(row["kind"], row["due_at"]) for row in await self.rows("due", "kind")]

    async def kinds(self) -> list[str]:
        return [event["kind"] for event in await self.rows("event")]

    async def change(self, lead_id: int, **values: Any) -> None:
        """Change a lead as the dialer would."""
        async with self.database.transaction() as connection:
            lead = await leads.get(connection, 1, lead_id, lock=True)
            assert lead is not None
            await leads.update(connection, [replace(lead, **values)])
