"""What tests of calling share: the fake engine, at work while the test is."""

from collections.abc import AsyncIterator

import pytest

from leadline.telephony.fake import FakeEngine


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
