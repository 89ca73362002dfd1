"""Registrations inside a worker: baresip sends REGISTER from the port that it listens on, and renews it in time.

What it sends and answers with is RFC 3261 and 8760 (digest by MD5 or SHA-256). We ask again where it was refused, and
say what has become of it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import baresip
from baresip import BaresipError, Event, Runtime, StackEvent, UserAgent

from leadline.telephony.embedded.messages import Registered
from leadline.telephony.engine import Registrant

ASKED_FOR: Final = 600
"""Seconds for which we would be registered; the carrier may grant fewer, and is asked again in time."""
PARTING: Final = 2.0
"""Seconds that taking leave may last."""


class Registrations:
    """The registrations of one worker; `report` is told of each whenever it is taken, or missing."""

    def __init__(self, runtime: Runtime, report: Callable[[Registered], None], again: float) -> None:
        self._runtime, self._report, self._again = runtime, report, again
        self._kept: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def keep(self, registrant: Registrant) -> None:
        """Be registered from now on, instead of as who was with that trunk before."""
        self.leave(registrant.trunk)
        self._kept[registrant.trunk] = asyncio.create_task(self._keep(registrant))

    def leave(self, trunk: str) -> None:
        """Be registered no more."""
        task = self._kept.pop(trunk, None)
        if task is not None:
            task.cancel()
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def leave_all(self) -> None:
        """Take leave everywhere, and wait for that."""
        for trunk in list(self._kept):
            self.leave(trunk)
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _keep(self, registrant: Registrant) -> None:
        try:
            agent = await self._agent(registrant)
        except (BaresipError, ValueError) as error:
            self._tell(registrant, f"it cannot be asked to register us: {error}")
            return
        failed = asyncio.Event()

        def heard(event: StackEvent) -> None:
            if event.ua == agent.handle and event.event is Event.REGISTER_FAIL:
                failed.set()

        self._runtime.subscribe(heard)
        try:
            await self._ask_for_ever(registrant, agent, failed)
        finally:
            self._runtime.unsubscribe(heard)
            with suppress(BaresipError):
                await agent.unregister(timeout=PARTING)

    async def _ask_for_ever(self, registrant: Registrant, agent: UserAgent, failed: asyncio.Event) -> None:
        taken = False
        while True:
            try:
                failed.clear()
                await agent.register()
            except BaresipError as error:
                if not taken:
                    self._tell(registrant, f"it has not taken our registration: {error}")
                taken = False
            else:
                failed.clear()  # by a challenge that was answered, or by a request that was overtaken
                taken = True
                self._tell(registrant, None)
                await failed.wait()  # renewed too early to be over yet: it is missing if it is refused again
            await asyncio.sleep(self._again)

    async def _agent(self, registrant: Registrant) -> UserAgent:
        account = registrant.account
        written = baresip.Account(
            user=account.username or "",
            domain=registrant.registrar,
            password=account.password or "",
            auth_user=account.username,
            reg_interval=ASKED_FOR,
            transport=account.transport,  # type: ignore[arg-type]
            audio_codecs=account.codecs,
            extra_params=("call_transfer=no",),
        )
        return await UserAgent.create(self._runtime, written)

    def _tell(self, registrant: Registrant, missing: str | None) -> None:
        self._report(Registered(registrant.trunk, missing))
