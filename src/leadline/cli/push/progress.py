"""How far it is: a bar with rate and time left on a terminal, a line every few seconds elsewhere."""

import asyncio
from contextlib import AbstractContextManager
from typing import Final, Self

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from leadline.cli.console import err, say

EVERY: Final = 5.0
"""Seconds between two lines."""


class Watch(AbstractContextManager["Watch"]):
    """Counts what was pushed in this run; by the bytes of the file it knows how much is left."""

    def __init__(self, size: int, doing: str) -> None:
        self.records = 0
        self._size, self._doing = size, doing
        self._loop = asyncio.get_running_loop()
        self._began = self._said = self._loop.time()
        self._from = self._position = 0
        self._bar = Progress(
            TextColumn(doing), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[told]}"), console=err
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._bar.start()
            self._task = self._bar.add_task(self._doing, total=self._size, told="")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """The bar moves no more: what is printed now comes below it."""
        if self._task is not None:
            self._task = None
            self._bar.stop()

    @property
    def seconds(self) -> float:
        return self._loop.time() - self._began

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / max(self.seconds, 0.001)

    def skip(self, position: int) -> None:
        """What an earlier run has done: it counts for the way, and not for the speed."""
        self._from = self._position = position
        self._began = self._loop.time()
        self._tell()

    def done(self, records: int, position: int) -> None:
        """So many records more, so far into the file."""
        self.records += records
        self._position = position
        self._tell()

    def _tell(self) -> None:
        told = f"{self.records:,} records, {self.rate:,.0f}/s{self._left()}"
        if self._task is not None:
            self._bar.update(self._task, completed=self._position, told=told)
        elif self._loop.time() - self._said >= EVERY:
            self._said = self._loop.time()
            percent = 100 * self._position // max(1, self._size)
            say(f"{self._doing}: {percent} %, {told}")

    def _left(self) -> str:
        passed = self._position - self._from
        if not passed:
            return ""
        seconds = round(self.seconds * (self._size - self._position) / passed)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f", {hours}:{minutes:02}:{seconds:02} left"
