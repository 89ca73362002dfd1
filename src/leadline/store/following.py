"""What other processes say through PostgreSQL, followed for as long as this one runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NoReturn

import structlog

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import Database

log = structlog.get_logger()

AGAIN = 1.0
"""Seconds between two tries to read a configuration that could not be read."""


Woken = Mapping[str, Sequence[Callable[[], None]]]
"""Whom a notification wakes: by its payload, else by its channel."""


async def follow(database: Database, clock: Clock, woken: Woken, reread: Callable[[], Awaitable[None]]) -> NoReturn:
    """Wake whom each notification is for; where it says that the configuration changed, `reread` that first."""
    changed = asyncio.Event()

    def wake(*words: str) -> None:
        for call in next((woken[word] for word in words if word in woken), ()):
            call()

    def told(channel: str, payload: str) -> None:
        if channel == "configuration":
            changed.set()
        else:
            wake(payload, channel)

    async def read() -> NoReturn:
        while True:
            await changed.wait()
            changed.clear()
            try:
                await reread()
                wake("configuration")
            except DatabaseUnavailable as error:
                log.warning("the configuration cannot be read, trying again", reason=str(error))
                changed.set()
                await clock.sleep(AGAIN)

    async with asyncio.TaskGroup() as group:
        group.create_task(database.listen(told, clock), name="notifications")
        group.create_task(read(), name="configuration")
    raise AssertionError("both go on for ever")
