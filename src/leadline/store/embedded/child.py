"""Child processes that die with Leadline and run as whom they should."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from leadline.store.embedded.identity import Identity

WRAPPER = Path(__file__).with_name("exec_wrapper.py")

# All that the child sees of an environment: ours may hold PGPORT, PGDATA and other words PostgreSQL listens to.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended: its exit code (negative: the signal), and all it wrote."""

    code: int
    output: str


async def spawn(
    command: Sequence[str | Path], who: Identity, *, reach: Sequence[Path], output: IO[bytes] | int
) -> asyncio.subprocess.Process:
    """Starts `command` in a session of its own, so that the terminal's Ctrl-C reaches only Leadline."""
    orders = {
        "parent": os.getpid(),
        "uid": who.uid,
        "gid": who.gid,
        "capability": who.capability,
        "reach": [str(directory) for directory in reach],
        "environment": ENVIRONMENT,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", str(WRAPPER), json.dumps(orders)),
        *map(str, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def run(command: Sequence[str | Path], who: Identity, *, reach: Sequence[Path], within: float = 60.0) -> Finished:
    """Runs `command` to its end; one that takes longer than `within` seconds is killed, and TimeoutError raised."""
    process = await spawn(command, who, reach=reach, output=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(within):
            written, _ = await process.communicate()
    except TimeoutError:
        raise TimeoutError(f"{command[0]} did not end within {within:.0f} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Finished(process.returncode or 0, written.decode(errors="replace"))
