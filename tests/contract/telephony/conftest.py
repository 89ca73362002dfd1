"""The two lines that the contract is kept on: the fake engine, and the embedded engine against our own phone."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest

from leadline.telephony.callee import Callee
from leadline.telephony.embedded.engine import EmbeddedEngine, EmbeddedSettings
from leadline.telephony.engine import Engine
from leadline.telephony.fake import FakeCall, FakeEngine
from leadline.telephony.phone.heard import HeardCall
from leadline.telephony.phone.phone import Phone

PACE = 0.05
"""How much faster than life the fake is."""


class Line(Protocol):
    """An engine that is up, and the far end it calls."""

    @property
    def engine(self) -> Engine: ...
    @property
    def callees(self) -> dict[str, Callee]: ...
    def uri(self, number: str) -> str: ...
    async def call_to(self, number: str) -> HeardCall | FakeCall: ...
    def lose(self) -> None:
        """Kill what holds the calls."""
        ...


@dataclass
class FakeLine:
    engine: FakeEngine

    @property
    def callees(self) -> dict[str, Callee]:
        return self.engine.callees

    def uri(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1:5060"

    async def call_to(self, number: str) -> FakeCall:
        return next(call for call in self.engine.calls if call.number == number)

    def lose(self) -> None:
        self.engine.lose()


@dataclass
class EmbeddedLine:
    engine: EmbeddedEngine
    phone: Phone

    @property
    def callees(self) -> dict[str, Callee]:
        return self.phone.callees

    def uri(self, number: str) -> str:
        return self.phone.uri(number)

    async def call_to(self, number: str) -> HeardCall:
        return await self.phone.call_to(number)

    def lose(self) -> None:
        for pid in self.engine.worker_pids:
            os.kill(pid, signal.SIGKILL)


Lines = Callable[..., AbstractAsyncContextManager[Line]]


@pytest.fixture(params=["fake", "embedded"])
def lines(request: pytest.FixtureRequest) -> Lines:
    """Makes a line; `credentials` are what the far end asks for."""

    @asynccontextmanager
    async def fake(*, credentials: tuple[str, str] | None = None) -> AsyncIterator[Line]:
        engine = FakeEngine(pace=PACE, credentials=credentials, response_timeout=1.0)
        await engine.start()
        yield FakeLine(engine)
        await engine.stop()

    @asynccontextmanager
    async def embedded(*, credentials: tuple[str, str] | None = None) -> AsyncIterator[Line]:
        engine = EmbeddedEngine(EmbeddedSettings(response_timeout=1.0))
        await engine.start()
        try:
            async with Phone(credentials=credentials) as phone:
                yield EmbeddedLine(engine, phone)
                await engine.stop()
        finally:
            await engine.stop()

    made: dict[str, Lines] = {"fake": fake, "embedded": embedded}
    return made[request.param]


@pytest.fixture
async def line(lines: Lines) -> AsyncIterator[Line]:
    async with lines() as made:
        yield made
