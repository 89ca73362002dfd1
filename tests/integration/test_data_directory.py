"""The data directory: one Leadline at a time, nobody else's business."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leadline.domain.errors import ConfigurationError, DataDirectoryInUse
from leadline.store.data_directory import DataDirectory, Running

HOLD = """
import sys
from pathlib import Path
from leadline.store.data_directory import DataDirectory, Running
directory = DataDirectory.open(Path(sys.argv[1]))
directory.write_running(Running(1, "postgresql://leadline@/leadline", "http://127.0.0.1:1"))
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with DataDirectory.open(tmp_path / "deep" / "data") as directory:
            directory.write_running(Running(os.getpid(), "postgresql:///", "http://127.0.0.1:1"))
            assert mode(directory.path) == 0o700
            assert {mode(entry) for entry in directory.path.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_a_second_leadline_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with DataDirectory.open(tmp_path / "data"), pytest.raises(DataDirectoryInUse, match=rf"pid {os.getpid()}\b"):
        DataDirectory.open(tmp_path / "data")
    DataDirectory.open(tmp_path / "data").close()


def test_a_killed_leadline_leaves_neither_lock_nor_a_word_that_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "data"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataDirectoryInUse, match=rf"pid {holder.pid}\b"):
            DataDirectory.open(path)
        assert DataDirectory.read_running(path) == Running(1, "postgresql://leadline@/leadline", "http://127.0.0.1:1")
        holder.send_signal(signal.SIGKILL)
    assert (path / "running.json").exists()
    assert DataDirectory.read_running(path) is None
    with DataDirectory.open(path):
        assert DataDirectory.read_running(path) is None


def test_what_runs_is_known_until_it_closes(tmp_path: Path) -> None:
    assert DataDirectory.read_running(tmp_path / "data") is None
    first, second = (Running(7, "postgresql:///", f"http://127.0.0.1:{port}") for port in (1, 2))
    with DataDirectory.open(tmp_path / "data") as directory:
        directory.write_running(first)
        assert DataDirectory.read_running(directory.path) == first
        directory.write_running(second)
        assert DataDirectory.read_running(directory.path) == second
    assert DataDirectory.read_running(directory.path) is None
    assert [entry.name for entry in directory.path.iterdir()] == ["leadline.lock"]


def test_a_child_does_not_inherit_the_lock(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    child = subprocess.Popen(
        [sys.executable, "-c", "input(print('here', flush=True) or '')"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        directory.close()
        DataDirectory.open(tmp_path / "data").close()
        child.communicate(b"\n")


def test_an_empty_directory_of_ours_is_taken_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(0o755)
    (path / "lost+found").mkdir()
    DataDirectory.open(path).close()
    assert mode(path) == 0o700


def test_what_the_operator_lets_others_read_stays_so(tmp_path: Path) -> None:
    DataDirectory.open(tmp_path / "data").close()
    (tmp_path / "data").chmod(0o750)
    DataDirectory.open(tmp_path / "data").close()
    assert mode(tmp_path / "data") == 0o750


def test_a_directory_of_something_else_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(0o755)
    (path / "letters.txt").touch()
    with pytest.raises(ConfigurationError, match="not empty and not a data directory of Leadline"):
        DataDirectory.open(path)
    assert mode(path) == 0o755
    assert [entry.name for entry in path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize("open_to", [0o770, 0o777, 0o1777])
def test_one_that_others_can_write_is_refused_with_the_chmod_to_run(tmp_path: Path, open_to: int) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(open_to)
    with pytest.raises(ConfigurationError, match=f"chmod go-w {path}"):
        DataDirectory.open(path)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    for path in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(ConfigurationError, match=r"[Nn]ot a directory"):
            DataDirectory.open(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a directory another's")
def test_anothers_directory_is_refused_with_both_uids(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir()
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to uid 65534, Leadline runs as uid 0"):
        DataDirectory.open(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_one_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o500)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        DataDirectory.open(path)
