"""The embedded PostgreSQL on a real machine: first use, kills of every kind, and what it says when it cannot."""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.embedded import exec_wrapper
from leadline.store.embedded.capability import CAP_DAC_READ_SEARCH
from leadline.store.embedded.identity import choose
from leadline.store.embedded.processes import processes_of
from leadline.store.embedded.server import EmbeddedPostgres

HOLDER = Path(__file__).with_name("postgres_holder.py")
PATIENCE = 30.0
AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root changes user")


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Path]:
    """A data directory; afterwards no process of its cluster is left, whatever the test did."""
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    yield path
    await until(lambda: not left_of(path))


@contextlib.asynccontextmanager
async def running(directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(directory, fast=True)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def connected(server: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server.dsn)
    try:
        yield connection
    finally:
        connection.terminate()


async def until(condition: Callable[[], object]) -> None:
    """Looks again and again: what is waited for happens in other processes."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


def left_of(directory: Path) -> list[object]:
    cluster = directory / "postgres"
    return [*processes_of(cluster, choose(cluster).owner)]


def socket_directory(dsn: str) -> Path:
    return Path(parse_qs(urlsplit(dsn).query)["host"][0])


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


async def count(server: EmbeddedPostgres) -> int:
    async with connected(server) as connection:
        return await connection.fetchval("SELECT count(*) FROM kept")


async def keep(server: EmbeddedPostgres, rows: int) -> None:
    async with connected(server) as connection:
        await connection.execute(f"CREATE TABLE kept AS SELECT generate_series(1, {rows})")


async def test_first_start_makes_the_database_and_the_next_finds_its_rows(directory: Path) -> None:
    async with running(directory) as server:
        private = socket_directory(server.dsn)
        assert private.stat().st_mode & 0o777 == 0o700
        async with connected(server) as connection:
            assert await connection.fetchval("SELECT current_database()") == "leadline"
            assert await connection.fetchval("SHOW server_encoding") == "UTF8"
            assert await connection.fetchval("SHOW timezone") == "UTC"
            assert await connection.fetchval("SHOW listen_addresses") == ""
        await keep(server, 1000)
        assert server.up.is_set()
        assert not server.down.is_set()
    assert server.down.is_set()
    assert left_of(directory) == []
    assert not private.exists()
    assert "database system is shut down" in (directory / "postgres.log").read_text()
    assert {entry.name for entry in directory.iterdir()} == {"postgres", "postgres.log"}
    async with running(directory) as server:
        assert await count(server) == 1000


async def test_what_is_accepted_is_synced_unless_a_test_asks_otherwise(directory: Path) -> None:
    server = EmbeddedPostgres(directory)
    await server.start()
    try:
        async with connected(server) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
                assert await connection.fetchval(f"SHOW {setting}") == "on"
    finally:
        await server.stop()


async def test_a_killed_postmaster_comes_back_with_all_rows(directory: Path) -> None:
    async with running(directory) as server:
        await keep(server, 50_000)
        before, pid = server.dsn, server.pid
        for _ in range(2):
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.wait_for(server.down.wait(), PATIENCE)
            await asyncio.wait_for(server.up.wait(), PATIENCE)
            assert await count(server) == 50_000
        assert server.dsn == before
        assert server.pid != pid


async def test_orphans_of_a_killed_postmaster_do_not_hold_up_the_next(directory: Path) -> None:
    async with running(directory) as server, connected(server) as busy:
        orphan = await busy.fetchval("SELECT pg_backend_pid()")
        endless = asyncio.create_task(busy.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
        await until(lambda: b"DO" in Path(f"/proc/{orphan}/cmdline").read_bytes())
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.wait_for(server.down.wait(), PATIENCE)
        await asyncio.wait_for(server.up.wait(), PATIENCE)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await endless
        assert orphan not in [
            process.pid for process in processes_of(directory / "postgres", choose(directory / "postgres").owner)
        ]


async def test_it_is_tried_again_until_the_cause_is_gone(directory: Path) -> None:
    async with running(directory) as server:
        control = directory / "postgres" / "global" / "pg_control"
        control.rename(control.with_name("hidden"))
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: "pg_control" in (directory / "postgres.log").read_text())
        assert server.down.is_set()
        control.with_name("hidden").rename(control)
        await asyncio.wait_for(server.up.wait(), PATIENCE)


class Holder:
    """Another Leadline, as far as PostgreSQL is concerned."""

    def __init__(self, directory: Path, *prefix: str) -> None:
        command = [*prefix, sys.executable, str(HOLDER), str(directory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def up(self) -> tuple[int, int, str]:
        """Its run's number, the postmaster's pid, the DSN."""
        line = await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), PATIENCE)
        word, runs, pid, dsn = line.split()
        assert word == "up"
        return int(runs), int(pid), dsn

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def finish(self) -> str:
        """Lets it stop in order, and returns what it said last."""
        said, _ = self.process.communicate("", timeout=PATIENCE)
        return said

    def close(self) -> None:
        self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    holders: list[Holder] = []

    def start(directory: Path, *prefix: str) -> Holder:
        holders.append(Holder(directory, *prefix))
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()


async def test_a_killed_leadline_starts_again_at_once_every_time(directory: Path, hold: Callable[..., Holder]) -> None:
    sockets = set()
    for number in range(1, 6):
        holder = hold(directory)
        runs, _, dsn = await holder.up()
        assert runs == number
        sockets.add(socket_directory(dsn))
        holder.kill()
    async with running(directory) as server, connected(server) as connection:
        assert await connection.fetchval("SELECT count(*) FROM runs") == 5
    assert [path for path in sockets if path.exists()] == []


async def test_a_killed_leadline_takes_its_server_with_it_in_good_order(
    directory: Path, hold: Callable[..., Holder]
) -> None:
    holder = hold(directory)
    _, _, dsn = await holder.up()
    holder.kill()
    await until(lambda: not left_of(directory))
    assert "database system is shut down" in (directory / "postgres.log").read_text().splitlines()[-1]
    async with running(directory):
        assert not socket_directory(dsn).exists()


async def test_a_kill_at_any_moment_of_the_first_start_is_recovered_from(
    directory: Path, hold: Callable[..., Holder]
) -> None:
    moments = [
        lambda: [*directory.glob("postgres.initdb-*")],
        lambda: [*directory.glob("postgres.initdb-*/base/1")],
        lambda: [*directory.glob("postgres.initdb-*/global/pg_control")],
        lambda: [*directory.glob("postgres/postmaster.pid")],
    ]
    for moment in moments:
        holder = hold(directory)
        await until(moment)
        holder.kill()
    async with running(directory) as server, connected(server) as connection:
        assert await connection.fetchval("SELECT current_database()") == "leadline"


async def test_what_a_killed_initdb_left_is_removed(directory: Path) -> None:
    leftover = directory / "postgres.initdb-left"
    (leftover / "base").mkdir(parents=True)
    async with running(directory):
        assert not leftover.exists()


async def test_a_postmaster_pid_of_another_program_does_not_block(directory: Path) -> None:
    async with running(directory):
        pid_file = directory / "postgres" / "postmaster.pid"
        written = pid_file.read_text().splitlines()
    owner = (directory / "postgres").stat()
    change = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    stranger = subprocess.Popen(["/bin/sleep", "600"], **change)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *written[1:]]) + "\n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        async with running(directory):
            pass
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_long_path_of_the_data_directory_is_no_obstacle(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 120) / "with space, comma and 'quote'"
    directory.mkdir(parents=True)
    async with running(directory) as server, connected(server) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_long_temporary_directory_is_no_obstacle(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("t" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    async with running(directory) as server:
        assert deep not in socket_directory(server.dsn).parents


@only_root
async def test_below_a_closed_directory_the_child_gets_one_capability_and_nothing_is_opened(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    directory = closed / "data"
    directory.mkdir(mode=0o700)
    async with running(directory) as server:
        status = status_of(server.pid)
        assert status["Uid"].split()[0] != "0"
        assert {int(status[name], 16) for name in ("CapPrm", "CapEff")} == {1 << CAP_DAC_READ_SEARCH}
        for path in (closed, directory):
            found = path.stat()
            assert (found.st_uid, found.st_mode & 0o777) == (0, 0o700)


@only_root
async def test_where_the_way_is_open_the_child_gets_no_capability() -> None:
    open_directory = Path(tempfile.mkdtemp())
    try:
        open_directory.chmod(0o711)
        async with running(open_directory) as server:
            status = status_of(server.pid)
            if int(status["CapEff"], 16):
                assert not reachable_by_all(Path(sys.prefix))
            assert (open_directory / "postgres").stat().st_uid == int(status["Uid"].split()[0])
    finally:
        shutil.rmtree(open_directory)


def reachable_by_all(path: Path) -> bool:
    return all(directory.stat().st_mode & 0o001 for directory in [path, *path.parents])


@only_root
async def test_a_user_other_than_root_needs_none_of_that(tmp_path: Path, hold: Callable[..., Holder]) -> None:
    user = pwd.getpwnam("nobody")
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    os.chown(directory, user.pw_uid, user.pw_gid)
    # The capability is only for the way to this Python and the test's directory, which may be root's alone.
    orders = {
        "parent": os.getpid(),
        "uid": user.pw_uid,
        "gid": user.pw_gid,
        "capability": CAP_DAC_READ_SEARCH,
        "reach": ["/"],
        "environment": {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
    }
    prefix = [sys.executable, "-I", "-S", exec_wrapper.__file__, json.dumps(orders)]
    holder = hold(directory, *prefix)
    _, pid, _ = await holder.up()
    assert status_of(pid)["Uid"].split()[0] == str(user.pw_uid)
    assert (directory / "postgres").stat().st_uid == user.pw_uid
    assert holder.finish() == "stopped\n"


async def test_a_cluster_of_another_version_is_named(directory: Path) -> None:
    (directory / "postgres").mkdir()
    (directory / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(
        DatabaseUnavailable, match=r"made by PostgreSQL 12.*wheel .* is version 18.*install PostgreSQL 12"
    ):
        await EmbeddedPostgres(directory).start()


async def test_a_directory_that_is_no_cluster_is_left_alone(directory: Path) -> None:
    (directory / "postgres").mkdir()
    (directory / "postgres" / "letters.txt").touch()
    with pytest.raises(DatabaseUnavailable, match="holds no PostgreSQL cluster but is not empty"):
        await EmbeddedPostgres(directory).start()
    assert (directory / "postgres" / "letters.txt").exists()


async def test_a_server_that_cannot_start_says_why_and_leaves_nothing(directory: Path) -> None:
    async with running(directory):
        pass
    (directory / "postgres" / "global" / "pg_control").unlink()
    server = EmbeddedPostgres(directory, fast=True)
    with pytest.raises(DatabaseUnavailable, match="pg_control"):
        await server.start()
    assert left_of(directory) == []
    assert not (directory / "postgres.socket").exists()
    assert server.down.is_set()
