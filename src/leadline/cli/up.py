"""`leadline up`: everything, until SIGTERM or Ctrl-C."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import uvloop

from leadline.bootstrap import Leadline, Options
from leadline.cli.collector import settle
from leadline.domain.errors import ConfigurationError
from leadline.role import Role
from leadline.settings import Settings, address


def options(
    settings: Settings, config: Path | None, data: Path | None, http: str | None, drain: int | None, role: Role
) -> Options:
    """What the command line says, else the settings."""
    try:
        listen = address(http) if http is not None else settings.http
    except ValueError as error:
        raise ConfigurationError(f"--http: {error}") from None
    return Options(
        configuration=config or settings.config,
        data=data or settings.data,
        http=listen,
        drain=float(drain) if drain is not None else settings.drain,
        role=role,
    )


def run(chosen: Options, settings: Settings, environment: Mapping[str, str]) -> None:
    """Run Leadline in the foreground; returns after a stop in good order."""
    uvloop.run(_run(chosen, settings, environment))


async def _run(chosen: Options, settings: Settings, environment: Mapping[str, str]) -> None:
    ready, stop = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def say_ready(url: str) -> None:
        settle()
        sys.stdout.write(f"ready {url}\n")
        sys.stdout.flush()
        ready.set()

    running = asyncio.create_task(Leadline(chosen, settings, environment).run(say_ready, stop))

    def stopped() -> None:
        if stop.is_set() or not ready.is_set():  # asked twice, or there is nothing yet to wait for: at once
            running.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped)
    try:
        await running
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
