"""What a benchmark runs beside itself: one PostgreSQL for all rivals, and each rival in a process of its own."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from leadline.store.embedded.server import EmbeddedPostgres
from leadline.store.migrations import migrate

HERE = Path(__file__).parent
_customers = itertools.count()


@dataclass(frozen=True, slots=True)
class Rival:
    """A server that takes pushes."""

    url: str
    path: str
    document: bytes
    """A push of one record; `{n}` stands for ten digits of a number that nobody else has."""
    pid: int
    """Of the process that serves."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one load found."""

    seconds: float
    latencies: list[float]
    cpu: float
    """Seconds of processor time that the server took."""

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


@contextlib.asynccontextmanager
async def postgres() -> AsyncIterator[EmbeddedPostgres]:
    """The server as `leadline up` starts it: durable."""
    with tempfile.TemporaryDirectory() as home:
        server = EmbeddedPostgres(Path(home))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


async def fresh_database(server: EmbeddedPostgres, name: str) -> str:
    """A database of this name with Leadline's schema."""
    admin = await asyncpg.connect(server.dsn.replace("/leadline?", "/postgres?"))
    await admin.execute(f"create database {name}")
    await admin.close()
    dsn = server.dsn.replace("/leadline?", f"/{name}?")
    await migrate(dsn)
    return dsn


@contextlib.asynccontextmanager
async def program(*arguments: str, environment: dict[str, str] | None = None) -> AsyncIterator[tuple[str, int]]:
    """A Python program that prints `ready URL`; the URL, and its process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, env={**os.environ, **(environment or {})}
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()
        assert line[:1] == ["ready"], f"{arguments} did not start"
        yield line[1], process.pid
    finally:
        process.terminate()
        await process.wait()


async def load(rival: Rival, *, connections: int, seconds: float, records: int = 1) -> Load:
    """Push to a rival from a process of its own."""
    at = urlsplit(rival.url)
    first = 9_000_000_000 + next(_customers) * 4_000_000
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "load.py"), str(at.hostname), str(at.port), rival.path,
        f"--connections={connections}", f"--seconds={seconds}", f"--records={records}", f"--first={first}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    before = cpu_seconds(rival.pid)
    said, _ = await process.communicate(rival.document)
    assert process.returncode == 0, f"the load on {rival.url} failed"
    return Load(**json.loads(said), cpu=cpu_seconds(rival.pid) - before)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its children have had, in user mode and in the kernel (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(int(child)) for child in children)


def memory(pid: int) -> float:
    """Megabytes that the largest of a process and its children holds in memory (proc(5), VmRSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1_000
    return max(own, *(memory(int(child)) for child in children), 0.0)
