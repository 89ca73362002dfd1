"""The house keeps its habits: small files, the field's names, nothing that ties it to one machine."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def test_no_file_is_longer_than_400_lines():
    long = {str(p.relative_to(ROOT)): n for p in tracked("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}


def test_no_name_says_nothing():
    assert [p for p in tracked("src/*.py") if p.stem in SAYS_NOTHING or SAYS_NOTHING & set(p.parts)] == []


@pytest.mark.parametrize("forbidden", ["py" + "pi.org", "python" + "hosted", "deb.debian" + ".org", "npm" + "js.org"])
def test_no_package_registry_is_named(forbidden):
    named = [p for p in tracked() if p.suffix not in {".png", ".wav"} and forbidden in p.read_text(errors="ignore")]
    assert named == []
