"""A phone at the other end of the trunk, and programs that are gone when the test is over."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from acceptance.program import Program, configuration
from leadline.telephony.phone.phone import Phone


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone


@pytest.fixture
def web_processes() -> int:
    """How many serve HTTP: one is started soonest, and most tests ask nothing of several."""
    return 1


@pytest.fixture
async def started(tmp_path: Path, phone: Phone, web_processes: int) -> AsyncIterator[Callable[..., Awaitable[Program]]]:
    """Starts a Leadline on a configuration; all of them share the test's data directory."""
    programs: list[Program] = []

    async def start(*options: str, **shape: str) -> Program:
        (tmp_path / "leadline.yaml").write_text(configuration(phone.port, **shape))
        programs.append(Program(tmp_path, *options, LEADLINE_WEB_PROCESSES=str(web_processes)))
        return await programs[-1].start()

    yield start
    for program in programs:
        await program.stop(signal.SIGKILL)
