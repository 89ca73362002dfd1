"""Rows of numbers by key, in memory that several processes share: what they count, they count together."""

import fcntl
import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final, Self

BUCKET: Final = 16
"""Rows that a key may be in: where all are taken, the one that was not used for longest is given up."""
_NUMBER: Final = 8
"""Bytes of a number (IEEE 754, double)."""
_TAG_BYTES: Final = 6
"""Of a key's hash: what a double holds exactly."""


class SharedTable:
    """At most so many rows of so many numbers, all 0 at first; a row that is used is used by one process alone."""

    def __init__(self, descriptor: int, width: int) -> None:
        """The table in an open file that `create` made, perhaps in another process; closed with the table."""
        self.descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)
        self._width = width + 2  # each row begins with its key's tag, and when it was used last
        self._numbers = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        self._buckets = len(self._numbers) // (self._width * BUCKET)

    @classmethod
    def create(cls, rows: int, width: int) -> Self:
        """An empty table, gone with the last process that has it."""
        descriptor = _file_in_memory()
        os.ftruncate(descriptor, -(-rows // BUCKET) * BUCKET * (width + 2) * _NUMBER)
        return cls(descriptor, width)

    @contextmanager
    def row(self, key: bytes, now: float) -> Iterator["memoryview[float]"]:
        """The numbers of a key, to be read and written; `now` in seconds, greater than 0."""
        tag = float(int.from_bytes(sha256(key).digest()[:_TAG_BYTES]) + 1)
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
        try:
            start = self._find(tag)
            if self._numbers[start] != tag:
                self._numbers[start] = tag
                for n in range(start + 2, start + self._width):
                    self._numbers[n] = 0.0
            self._numbers[start + 1] = now
            yield self._numbers[start + 2 : start + self._width]
        finally:
            fcntl.lockf(self.descriptor, fcntl.LOCK_UN)

    def _find(self, tag: float) -> int:
        """Where the row of a tag is, or may be written."""
        numbers, width = self._numbers, self._width
        first = int(tag) % self._buckets * BUCKET * width
        starts = range(first, first + BUCKET * width, width)
        known = next((start for start in starts if numbers[start] == tag), None)
        return min(starts, key=lambda start: numbers[start + 1]) if known is None else known


def _file_in_memory() -> int:
    """Or, where the system has none, on the disk."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("leadline")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
