"""The data directory: one Leadline at a time, nobody else's business.

DIR/leadline.lock   held by the Leadline that uses the directory; also the mark that it is Leadline's
DIR/running.json    how to reach that Leadline; held too, so that what a killed one left is known to be stale
DIR/postgres …      the embedded server's (embedded/server.py)
"""

import contextlib
import fcntl
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from leadline.domain.errors import ConfigurationError, DataDirectoryInUse

LOCK, RUNNING = "leadline.lock", "running.json"
FRESH_DISK = "lost+found"  # all there is on a newly made volume
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Running:
    """How a command finds the Leadline that is up: its process, its database, its HTTP address."""

    pid: int
    dsn: str
    http: str


class DataDirectory:
    """A locked data directory. The locks end with the process, however it ends."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self._running: int | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Locks the directory, which is made (mode 0700) when it is missing.

        An existing one must be Leadline's or empty, ours, and writable by nobody else. An empty one is closed to
        all others; on one in use, what the operator lets others read is left as it is.
        Raises DataDirectoryInUse, or ConfigurationError with what to do.
        """
        path = path.resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
            _refuse_unfit(path)
            if not (path / LOCK).exists():
                path.chmod(0o700)
            return cls(path, _lock(path))
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigurationError(f"{path.parent} is not a directory: give another data directory") from error
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be the data directory: {error.strerror}; give another") from error

    def write_running(self, running: Running) -> None:
        """Says how to reach this Leadline, to whoever may read the directory."""
        unfinished = self.path / f"{RUNNING}.new"
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, json.dumps(asdict(running), indent=1).encode())
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unfinished.rename(self.path / RUNNING)
        self._forget_running(descriptor)

    @staticmethod
    def read_running(path: Path) -> Running | None:
        """The Leadline that is up on this directory; None when there is none.

        Raises ConfigurationError when we may not read it.
        """
        try:
            file = (path / RUNNING).open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}; run as its owner") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:  # its writer lives
                return Running(**json.load(file))
            return None

    def close(self) -> None:
        """Gives the directory free for the next."""
        if self._running is not None:
            (self.path / RUNNING).unlink(missing_ok=True)
        self._forget_running(None)
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget_running(self, successor: int | None) -> None:
        if self._running is not None:
            os.close(self._running)
        self._running = successor


def _refuse_unfit(path: Path) -> None:
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{path} is not a directory: give another data directory")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} belongs to uid {found.st_uid}, Leadline runs as uid {os.geteuid()}: "
            "run it as the owner, give it to Leadline (chown -R), or give another data directory"
        )
    if found.st_mode & WRITABLE_BY_OTHERS:
        raise ConfigurationError(f"{path} can be written by others: chmod go-w {path}, or give another data directory")
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise ConfigurationError(
            f"{path} cannot be written: mount it writable, chmod u+rwx {path}, or give another data directory"
        )
    if not (path / LOCK).exists() and {entry.name for entry in path.iterdir()} - {FRESH_DISK}:
        raise ConfigurationError(
            f"{path} is not empty and not a data directory of Leadline: give another one, or one that does not exist"
        )


def _lock(path: Path) -> int:
    """The descriptor that holds the lock; it is closed on exec, so no child keeps the lock alive."""
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode().strip()
        os.close(descriptor)
        raise DataDirectoryInUse(
            f"{path} is used by another Leadline{f' (pid {holder})' if holder else ''}: "
            "stop it, or give another data directory"
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
