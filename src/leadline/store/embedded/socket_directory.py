"""The private directory of the server's socket: short, since a socket's path may have 107 bytes, and not guessable."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from leadline.store.embedded.identity import Identity

PREFIX = "leadline-pg-"
LONGEST_PATH = 107 - len("/.s.PGSQL.5432")  # sockaddr_un of Linux holds 107 bytes and the final zero
RANDOM_PART = 8  # what mkdtemp adds to the prefix
FALLBACK = Path("/tmp")  # noqa: S108 - mkdtemp makes a name of its own in it, mode 0700


def make_socket_directory(record: Path, owner: Identity) -> Path:
    """A new directory that only `owner` (and root) may enter; `record` remembers it for a start after a kill."""
    remove_socket_directory(record)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_short_parent()))
    record.write_text(str(directory), encoding="utf-8")
    owner.give(directory)
    return directory


def remove_socket_directory(record: Path) -> None:
    """Removes the directory that `record` names, and then the record; no record: nothing to do."""
    try:
        directory = Path(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    if directory.name.startswith(PREFIX):  # a record torn by a crash must not remove anything else
        shutil.rmtree(directory, ignore_errors=True)
    record.unlink()


def clear_socket_directory(directory: Path) -> None:
    """Removes a dead server's socket and its lock file, whose pid another process may have by now."""
    for leftover in directory.glob(".s.PGSQL.*"):
        with contextlib.suppress(FileNotFoundError):
            leftover.unlink()


def _short_parent() -> Path:
    parent = Path(tempfile.gettempdir())
    length = len(os.fsencode(parent / PREFIX)) + RANDOM_PART
    return parent if length <= LONGEST_PATH else FALLBACK
