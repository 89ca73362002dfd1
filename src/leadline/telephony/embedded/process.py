"""One worker process as its parent sees it: started, spoken to, and certainly gone in the end."""

import asyncio
import contextlib
import os
import socket
import sys
from tempfile import TemporaryDirectory

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.embedded.messages import Command, Configure, Failed, Ready, Report, read_report, write
from leadline.telephony.embedded.settings import EmbeddedSettings

_MODULE = "leadline.telephony.embedded.worker"


class WorkerProcess:
    """A child that runs baresip; its standard output is closed, since native code may print there."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        directory: TemporaryDirectory[str],
    ) -> None:
        self._process, self._reader, self._writer, self._directory = process, reader, writer, directory
        self.port = 0

    @classmethod
    async def start(cls, settings: EmbeddedSettings, port: int) -> "WorkerProcess":
        """Returns once the worker listens; raises `EngineUnavailable` with the remedy if it cannot."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", _MODULE, str(theirs.fileno()), str(os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = cls(process, reader, writer, TemporaryDirectory(prefix="leadline-sip-", ignore_cleanup_errors=True))
        try:
            async with asyncio.timeout(settings.start_timeout):
                await worker._configure(settings, port)
        except TimeoutError:
            await worker.kill()
            raise EngineUnavailable(
                f"the telephony worker did not come up within {settings.start_timeout:g} s; look for its "
                "messages on standard error, and try again on a machine that is less busy"
            ) from None
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def _configure(self, settings: EmbeddedSettings, port: int) -> None:
        await self.send(
            Configure(
                host=settings.host,
                port=port,
                rtp_ports=settings.rtp_ports,
                identities=settings.identities_per_worker,
                response_timeout=settings.response_timeout,
                register_again=settings.register_again,
                directory=self._directory.name,
            )
        )
        match await self.report():
            case Ready(port):
                self.port = port
            case Failed(reason):
                raise EngineUnavailable(reason)
            case other:
                raise EngineUnavailable(
                    f"the telephony worker ended at its start ({other or 'no word'}); "
                    "its messages on standard error say why"
                )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, command: Command) -> None:
        """Hand over one small command without waiting; one to a worker that has died is lost with it."""
        write(command, self._writer)

    async def send(self, command: Command) -> None:
        """Hand over one command, and wait while there is no room for it."""
        self.tell(command)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def report(self) -> Report | None:
        """What the worker says next; None once it is gone."""
        return await read_report(self._reader)

    async def wait(self) -> int:
        """Wait for its end; returns its exit status."""
        return await self._process.wait()

    async def kill(self) -> int:
        """End it at once if it still runs, and clear away what it left; returns its exit status."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        status = await self._process.wait()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        self._directory.cleanup()
        return status
