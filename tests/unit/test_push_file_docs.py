"""The page on pushing files has every option, exit code and code of its own."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from leadline.cli.commands import app
from leadline.cli.push import batches, csv_rows, json_rows, kept
from leadline.cli.push.rejects import REASONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pushing-files.md").read_text()


@pytest.mark.parametrize("command", ["push", "replay"])
def test_every_option_is_in_its_table(command):
    table = PAGE.split(f"| `leadline {command} ")[1].split("\n\n")[0]
    options = {name for option in get_command(app).commands[command].params for name in option.opts if name[0] == "-"}
    assert [name for name in sorted(options) if not re.search(rf"`{name}\b", table)] == []


def test_what_we_write_ourselves_is_explained():
    own = {code for module in (batches, csv_rows, json_rows)
           for code in re.findall(r'Fault\(\s*"(\w+)"', Path(module.__file__).read_text())}  # fmt: skip
    assert len(own) == 5
    words = {*REASONS, *own - {"not_an_object"}, str(kept.INTERRUPTED), str(kept.REFUSED_SOME)}
    assert [word for word in words if word not in PAGE] == []
