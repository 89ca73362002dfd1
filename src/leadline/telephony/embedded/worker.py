"""A worker process of the embedded engine: `python -m leadline.telephony.embedded.worker FD PARENT`.

It lives no longer than its parent: when the pipe ends, it hangs up what is up and exits.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from types import FrameType
from typing import NoReturn

import uvloop

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.embedded.messages import Configure, Failed, Ready, read_command, write

_GRACE_SECONDS = 8
"""From the parent's end to ours, at most; then the kernel ends us."""
_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Follow the parent: by the pipe as a rule, by the kernel's word if our loop should hang."""

    def doomed(_signal: int, _frame: FrameType | None) -> None:
        if os.getppid() != parent:  # else a SIGTERM to the whole group: the parent drains first
            signal.alarm(_GRACE_SECONDS)

    signal.signal(signal.SIGTERM, doomed)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


async def serve(channel: socket.socket) -> None:
    """Obey until told to stop or the parent is gone."""
    reader, writer = await asyncio.open_connection(sock=channel)
    orders = await read_command(reader)
    if not isinstance(orders, Configure):
        return
    tempfile.tempdir = orders.directory
    try:
        from leadline.telephony.embedded.stack import Stack  # noqa: PLC0415, a library that cannot be loaded is said so

        stack = Stack(orders, lambda report: write(report, writer))
        write(Ready(await stack.start()), writer)
    except ImportError as error:
        write(Failed(f"baresip-python cannot be loaded ({error}); run `make install` again"), writer)
        await writer.drain()
        return
    except EngineUnavailable as error:
        write(Failed(str(error)), writer)
        await writer.drain()
        return
    await stack.obey(reader)
    signal.alarm(_GRACE_SECONDS)
    await stack.hang_up_all()
    with contextlib.suppress(ConnectionError):
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    shutil.rmtree(orders.directory, ignore_errors=True)


def main(arguments: list[str]) -> NoReturn:
    channel, parent = (int(argument) for argument in arguments)
    die_with(parent)
    logging.basicConfig(level=logging.WARNING, format="telephony worker %(process)d: %(message)s")
    uvloop.run(serve(socket.socket(fileno=channel)))
    # Not by the stack's own teardown: there is nothing left to save, and native code may still stumble in it.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
