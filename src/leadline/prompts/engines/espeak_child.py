"""The espeak process as its parent sees it: started, asked, and certainly gone in the end."""

import asyncio
import contextlib
import os
import socket
import sys
from typing import Final

from leadline.domain.errors import SpeechUnavailable
from leadline.prompts.engines.espeak_frames import LENGTH, Answer, Failed, Ready, Say, answer, framed

_MODULE: Final = "leadline.prompts.engines.espeak_process"


class ChildLost(Exception):
    """The process died while it was asked."""


class EspeakChild:
    """One process; it is asked one thing at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer

    @classmethod
    async def start(cls, within: float) -> "EspeakChild":
        """Returns once it can speak; raises SpeechUnavailable with the remedy if it cannot."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-m", _MODULE, str(theirs.fileno()), str(os.getpid())),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                )
            except OSError as error:
                ours.close()
                raise SpeechUnavailable(
                    f"the espeak process cannot be started ({error}): free memory or processes"
                ) from error
        child = cls(process, *await asyncio.open_connection(sock=ours))
        try:
            async with asyncio.timeout(within):
                said = await child._answer()
        except (ChildLost, TimeoutError):
            said = Failed("its messages on standard error say why")
        except BaseException:
            await child.kill()
            raise
        if not isinstance(said, Ready):
            await child.kill()
            reason = said.reason if isinstance(said, Failed) else "it spoke out of turn"
            raise SpeechUnavailable(
                f"the espeak process does not come up ({reason}): install leadline anew (espeakng-loader, soxr)"
            )
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._reader.at_eof()

    async def ask(self, say: Say) -> Answer:
        """Its answer; raises ChildLost if it dies over it."""
        self._writer.write(framed(say))
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
        return await self._answer()

    async def kill(self) -> None:
        """End it, whatever it is doing."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _answer(self) -> Answer:
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            return answer(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ChildLost from error
