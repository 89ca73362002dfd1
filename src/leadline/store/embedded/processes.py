"""The processes of one cluster: those an earlier Leadline, or a killed postmaster, left behind.

They are known by the cluster's name, which every PostgreSQL process carries in its command line: the postmaster as
the argument `cluster_name=NAME`, its children as the title `postgres: NAME: …`. A pid alone proves nothing, since
pids are used again; and /proc/PID/cmdline is readable where /proc/PID/cwd is not (root in a container).
"""

import asyncio
import contextlib
import hashlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leadline.domain.errors import DatabaseUnavailable

PROC = Path("/proc")

# A postmaster that shuts down in haste may still have much to write; one that crashes has not.
FAST_SHUTDOWN_SECONDS, IMMEDIATE_SHUTDOWN_SECONDS, KILL_SECONDS = 30.0, 5.0, 10.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ClusterProcess:
    """A live process of the cluster; `postmaster` is the one that commands the others."""

    pid: int
    postmaster: bool


def cluster_name(cluster: Path) -> str:
    """The name of the cluster in this directory: at most 63 characters of ASCII, different for every directory."""
    return f"leadline-{hashlib.sha256(os.fsencode(cluster.resolve())).hexdigest()[:16]}"


def processes_of(cluster: Path, owner: int) -> list[ClusterProcess]:
    """The live processes of the cluster that belong to `owner`; none are seen where there is no /proc."""
    name = cluster_name(cluster)
    return list(_named(name, owner)) if PROC.is_dir() else []


def _named(name: str, owner: int) -> Iterator[ClusterProcess]:
    argument, title = f"cluster_name={name}".encode(), f"postgres: {name}: ".encode()
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if entry.stat().st_uid != owner:
                continue
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended while we looked
            continue
        if argument in words or words[0].startswith(title):
            yield ClusterProcess(int(entry.name), postmaster=argument in words)


async def end_leftovers(cluster: Path, owner: int) -> int:
    """Ends every process of the cluster, gently at first, and returns how many there were.

    A postmaster is asked to shut down and write out what it has. Where it was killed, its orphans get no such
    time: the next start recovers from the log anyway, and they hold the shared memory that it needs.
    """
    found = processes_of(cluster, owner)
    if any(process.postmaster for process in found):
        _signal([process for process in found if process.postmaster], signal.SIGINT)
        if await _gone(cluster, owner, FAST_SHUTDOWN_SECONDS):
            return len(found)
    for number, patience in ((signal.SIGQUIT, IMMEDIATE_SHUTDOWN_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        _signal(processes_of(cluster, owner), number)
        if await _gone(cluster, owner, patience):
            return len(found)
    pids = ", ".join(str(process.pid) for process in processes_of(cluster, owner))
    raise DatabaseUnavailable(f"PostgreSQL processes of {cluster} do not end (pid {pids}): end them by hand")


def _signal(processes: list[ClusterProcess], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def _gone(cluster: Path, owner: int, patience: float) -> bool:
    """Whether all have ended within `patience` seconds. They are nobody's children here: one can only look."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while processes_of(cluster, owner):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True
