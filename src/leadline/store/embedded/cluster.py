"""The cluster's directory: made whole or not at all, and freed of what a killed server left in it."""

import os
import shutil
import tempfile
from pathlib import Path

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.embedded.binaries import Binaries
from leadline.store.embedded.child import run
from leadline.store.embedded.identity import Identity
from leadline.store.embedded.remedies import remedy_for

SUPERUSER = "leadline"
UNFINISHED = "postgres.initdb-"
INITDB_SECONDS = 300.0

# C.UTF-8 sorts by code point and never changes with the system's libraries; old C libraries only have C.
LOCALES = ("C.UTF-8", "C")


def major_of(cluster: Path) -> int | None:
    """The major version that made the cluster; None when there is none yet.

    Raises DatabaseUnavailable when the directory holds something that is not a cluster.
    """
    try:
        return int((cluster / "PG_VERSION").read_text(encoding="ascii"))
    except FileNotFoundError:
        if cluster.exists() and any(cluster.iterdir()):
            raise DatabaseUnavailable(
                f"{cluster} holds no PostgreSQL cluster but is not empty: "
                "bring the missing PG_VERSION back from a backup, or move the directory away to begin anew"
            ) from None
        return None


async def initialise(cluster: Path, binaries: Binaries, identity: Identity, *, fast: bool) -> None:
    """Makes the cluster beside its place and then renames it, so that a killed initdb leaves nothing half made."""
    remove_unfinished(cluster)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cluster.parent))
    identity.give(unfinished)
    try:
        await _initdb(unfinished, binaries, identity, fast=fast)
        _put_in_place(unfinished, cluster)
    finally:
        remove_unfinished(cluster)


def remove_unfinished(cluster: Path) -> None:
    for leftover in cluster.parent.glob(f"{UNFINISHED}*"):
        # An initdb that is still dying may write one more file; the next start removes what is left then.
        shutil.rmtree(leftover, ignore_errors=True)


async def _initdb(directory: Path, binaries: Binaries, identity: Identity, *, fast: bool) -> None:
    said = ""
    command: list[str | Path] = [binaries.initdb, "--pgdata", directory, f"--username={SUPERUSER}", "--auth=trust"]
    options = ["--encoding=UTF8", "--data-checksums", *(["--no-sync"] if fast else [])]
    for locale in LOCALES:
        finished = await run(
            [*command, *options, f"--locale={locale}"], identity, reach=[directory], within=INITDB_SECONDS
        )
        if finished.code == 0:
            return
        said = finished.output.strip()
        if "invalid locale" not in said:
            break
    raise DatabaseUnavailable(f"initdb could not make a database: {remedy_for(said)}\n{said[-2000:]}")


def _put_in_place(unfinished: Path, cluster: Path) -> None:
    """Renames, and waits until the name is on the disk."""
    unfinished.rename(cluster)
    descriptor = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def forget_stranger(cluster: Path) -> None:
    """Removes a postmaster.pid whose pid another program has by now: PostgreSQL would take it for its own kind.

    To be called when no process of the cluster is left. Where the pid is nobody's, PostgreSQL copes by itself.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        os.kill(int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0]), 0)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return
    except ValueError:  # torn by a crash: empty or half a line
        pass
    pid_file.unlink()
