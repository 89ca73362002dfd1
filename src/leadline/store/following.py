"""What other processes say through PostgreSQL, followed for as long as this one runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from leadline.clock import Clock
from leadline.domain.errors import DatabaseUnavailable
from leadline.store.database import Database

log = structlog.get_logger()

AGAIN = 1.0
"""Seconds between two tries to read a configuration that could not be read."""


async def follow(
    database: Database,
    clock: Clock,
    heard: Callable[[], None],
    reread: Callable[[], Awaitable[None]],
    trunks: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Call `heard` at every notification, but `trunks` at one about them; and `reread` once after each that says that
    the configuration changed."""
    changed = asyncio.Event()

    def told(channel: str, _payload: str) -> None:
        if channel == "trunk":
            trunks()
            return
        if channel == "configuration":
            changed.set()
        heard()

    async def read() -> NoReturn:
        while True:
            await changed.wait()
            changed.clear()
            try:
                await reread()
            except DatabaseUnavailable as error:
                log.warning("the configuration cannot be read, trying again", reason=str(error))
                changed.set()
                await clock.sleep(AGAIN)

    async with asyncio.TaskGroup() as group:
        group.create_task(database.listen(told, clock), name="notifications")
        group.create_task(read(), name="configuration")
    raise AssertionError("both go on for ever")
