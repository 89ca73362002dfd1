"""The one home of the time of day: everything that asks takes a Clock, so that a simulator may hand in its own."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; at least once around the event loop."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  (its one home)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
