"""What tests of calling and of prompts share: the fake engine, at work while the test is, and a room."""

from collections.abc import AsyncIterator

import pytest

from leadline.store.database import Database
from leadline.telephony.fake import FakeEngine
from prompt_room import Room


@pytest.fixture
def pace() -> float:
    """How long a second of the fake engine lasts."""
    return 0.001


@pytest.fixture
async def engine(pace: float) -> AsyncIterator[FakeEngine]:
    engine = FakeEngine(pace=pace)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
async def room(database: Database, dsn: str) -> Room:
    """A process whose leads wait for their audio."""
    room = Room(database, dsn)
    await room.organisation()
    await room.process()
    return room
