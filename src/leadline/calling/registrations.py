"""Our registrations with trunks: made, renewed before their time is over, and taken back at the end."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from leadline.clock import Clock
from leadline.domain.policy import TrunkPolicy
from leadline.store.catalogue import Catalogue
from leadline.telephony.registration import ASKED_FOR, NotRegistered

log = structlog.get_logger()

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the configuration."""
AGAIN: Final = 5.0
"""Seconds after a registration that was not taken."""
RENEWED_AFTER: Final = 0.8
"""The part of the granted time after which a registration is renewed."""
PARTING: Final = 2.0
"""Seconds that taking leave may last."""

Register = Callable[[TrunkPolicy, int], Awaitable[float]]
"""Register with a trunk for so many seconds; returns what was granted, raises NotRegistered."""


class Registrations:
    """Our registrations; `registered` is told whenever one is taken or is missing, and why."""

    def __init__(
        self,
        clock: Clock,
        catalogue: Callable[[], Catalogue],
        register: Register,
        registered: Callable[[str, str | None], None],
    ) -> None:
        self._clock, self._catalogue = clock, catalogue
        self._register, self._registered = register, registered
        self._kept: dict[TrunkPolicy, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Follow the configuration until cancelled."""
        try:
            while True:
                self._follow({trunk for trunk in self._catalogue().trunks.values() if trunk.register})
                await self._clock.sleep(LOOK_EVERY)
        finally:
            leaving = list(self._kept.values())
            self._follow(set())
            if leaving:
                await asyncio.wait(leaving)

    def _follow(self, wanted: set[TrunkPolicy]) -> None:
        for trunk in self._kept.keys() - wanted:
            self._kept.pop(trunk).cancel()
            self._registered(trunk.name, None)  # whether it is still asked for, the configuration says
        for trunk in wanted - self._kept.keys():
            self._kept[trunk] = asyncio.create_task(self._keep(trunk), name=f"registration with {trunk.name}")

    async def _keep(self, trunk: TrunkPolicy) -> None:
        loop = asyncio.get_running_loop()
        until = 0.0
        try:
            while True:
                asked = loop.time()
                try:
                    granted = await self._register(trunk, ASKED_FOR)
                except NotRegistered as error:
                    if loop.time() >= until:
                        self._registered(trunk.name, f"it has not taken our registration: {error}")
                    await self._clock.sleep(AGAIN)
                else:
                    until = asked + granted
                    self._registered(trunk.name, None)
                    await self._clock.sleep(granted * RENEWED_AFTER)
        finally:
            if loop.time() < until:
                with suppress(NotRegistered, TimeoutError):
                    async with asyncio.timeout(PARTING):
                        await self._register(trunk, 0)
