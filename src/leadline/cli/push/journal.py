"""How far a push has come, beside the file: what is in it was answered, and is not pushed again.

The first line tells how the file is pushed, each other line one finished batch, in order. It is gone when the whole
file has been pushed.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any, Final, Self

from leadline.cli.push.errors import CannotPush

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is pushed: going on needs the very same."""

    parameters: Mapping[str, Any]
    """By the names of the options that set them."""
    reqdatetime: str
    salt: str
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Done:
    """A batch that was answered."""

    requestid: str
    rows: int
    last_row: int
    counts: Mapping[str, int]
    codes: Mapping[str, int]


class Journal:
    """The open journal of one push; no other push can have it meanwhile."""

    def __init__(self, file: Path | None, opened: BufferedRandom | None, plan: Plan, done: list[Done]) -> None:
        self._file, self._opened = file, opened
        self.plan, self.done = plan, done

    @classmethod
    def open(cls, file: Path | None, plan: Plan, *, restart: bool) -> Self:
        """Goes on with the journal that is there, else begins one; without a file it is kept nowhere.

        Raises CannotPush if another push has it, or if it is of another way of pushing.
        """
        if file is None:
            return cls(None, None, plan, [])
        try:
            opened = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        except OSError as error:
            raise CannotPush(f"the journal {file} cannot be written: {error.strerror}; give --journal FILE") from None
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls._read(file, opened, plan, restart=restart)
        except BlockingIOError:
            opened.close()
            raise CannotPush(f"another push has {file}: wait for its end") from None
        except BaseException:
            opened.close()
            raise

    @classmethod
    def _read(cls, file: Path, opened: BufferedRandom, plan: Plan, *, restart: bool) -> Self:
        lines = [] if restart else [line for line in opened.read().splitlines(keepends=True) if line.endswith(b"\n")]
        try:
            begun, *batches = [json.loads(line) for line in lines] or [asdict(plan)]
            found, done = Plan(**begun), [Done(**batch) for batch in batches]
        except (ValueError, TypeError):
            raise CannotPush(f"{file} is no journal of a push: remove it, or give --journal FILE") from None
        if done:
            _check(file, found, plan)
            opened.seek(sum(map(len, lines)))
            opened.truncate()  # a line that was being written when the machine stopped
            return cls(file, opened, found, done)
        opened.seek(0)
        opened.truncate()
        journal = cls(file, opened, plan, [])
        journal._write(asdict(plan))
        return journal

    def finished(self, done: Done) -> None:
        """Keep a batch as done; what is refused of it must have been written before."""
        self.done.append(done)
        self._write(asdict(done))

    def remove(self) -> None:
        """The whole file has been pushed."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def close(self) -> None:
        """Let another push have it; one in which nothing stands is not kept."""
        if not self.done:
            self.remove()
        if self._opened is not None:
            self._opened.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._opened is None:
            return
        try:
            self._opened.write(json.dumps(line).encode() + b"\n")
            self._opened.flush()
        except OSError as error:
            raise CannotPush(f"the journal {self._file} cannot be written: {error.strerror}; run this again") from None


def _check(file: Path, found: Plan, wanted: Plan) -> None:
    others = [
        f"--{name} {found.parameters.get(name)}"
        for name in {*found.parameters, *wanted.parameters}
        if found.parameters.get(name) != wanted.parameters.get(name)
    ]
    if found.version != VERSION or others:
        raise CannotPush(
            f"{file} tells of a push that was broken off and went otherwise ({', '.join(sorted(others))}): "
            "go on with the same options, or begin again with --restart"
        )
