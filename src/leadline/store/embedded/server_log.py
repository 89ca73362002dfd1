"""The server's log, a plain file of bounded size.

PostgreSQL writes to a file that Leadline opened: so it needs no rights in the data directory, and what it says after
Leadline was killed is kept too.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

LARGEST_BYTES = 10_000_000
TAIL_LINES = 12


class ServerLog:
    """DIR/postgres.log and one older file, DIR/postgres.log.1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = 0

    def open(self) -> BinaryIO:
        """The file to hand to a new server; `tail` speaks of what is written from now on."""
        self.bound()
        file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
        self._mark = file.seek(0, os.SEEK_END)
        return file

    def bound(self) -> None:
        """Sets a file grown too large aside.

        It is copied and emptied, not renamed: the server keeps its file open. A line written in between is lost.
        """
        try:
            if self._path.stat().st_size < LARGEST_BYTES:
                return
        except FileNotFoundError:
            return
        with contextlib.suppress(OSError):  # a full disk: the old lines are given up, the room is needed
            shutil.copyfile(self._path, self._path.with_name(self._path.name + ".1"))
        os.truncate(self._path, 0)
        self._mark = 0

    def tail(self) -> str:
        """The last lines that the newest server wrote, or the empty string."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._mark)
                lines = file.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-TAIL_LINES:])
