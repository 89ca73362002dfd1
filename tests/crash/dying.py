"""A Leadline that kills at named steps of an attempt: itself, its SIP workers, or PostgreSQL. Only tests start it.

`python dying.py CONFIG POSTMASTER_PID_FILE POINT:NTH:VICTIM...`: the strokes are carried out in their order, each at
the NTH time that its point is reached after the one before.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from leadline.bootstrap import Leadline, Options
from leadline.calling.crash_points import Point
from leadline.role import Role
from leadline.settings import Settings


@dataclass
class Stroke:
    """One kill."""

    point: Point
    nth: int
    victim: str

    @classmethod
    def read(cls, written: str) -> "Stroke":
        point, nth, victim = written.split(":")
        return cls(Point(point), int(nth), victim)

    def __str__(self) -> str:
        return f"{self.point.value}:{self.nth}:{self.victim}"


class Reaper:
    """Is told of every step, and strikes."""

    def __init__(self, strokes: Sequence[Stroke], postmaster: Path) -> None:
        self._strokes, self._postmaster = list(strokes), postmaster
        self.leadline: Leadline | None = None

    def __call__(self, point: Point) -> None:
        if not self._strokes or self._strokes[0].point is not point:
            return
        self._strokes[0].nth -= 1
        if self._strokes[0].nth <= 0:
            self._kill(self._strokes.pop(0).victim)

    def _kill(self, victim: str) -> None:
        if victim == "leadline":
            pids = [os.getpid()]
        elif victim == "postgres":
            pids = [int(self._postmaster.read_text().split()[0])] if self._postmaster.exists() else []
        else:
            pids = self.leadline._engines["embedded"].worker_pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)


async def main() -> None:
    config, postmaster, *strokes = sys.argv[1:]
    reaper = Reaper([Stroke.read(written) for written in strokes], Path(postmaster))
    environment = dict(os.environ)
    options = Options(Path(config), Path("nowhere"), ("127.0.0.1", 0), 0.0, Role.WORKER)
    reaper.leadline = Leadline(options, Settings.from_environment(environment), environment, reaper)

    def ready(url: str) -> None:
        print("ready", url, flush=True)  # noqa: T201

    await reaper.leadline.run(ready, asyncio.Event())


if __name__ == "__main__":
    uvloop.run(main())
