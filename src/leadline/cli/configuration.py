"""`leadline init`, `apply` and `settings`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import uvloop

from leadline import settings as table
from leadline.bootstrap import apply_configuration, find_database
from leadline.cli.console import out
from leadline.configuration.configuration import Sip
from leadline.configuration.reading import read, starter
from leadline.domain.errors import ConfigurationError
from leadline.settings import Settings

FILE: Final = "leadline.yaml"


def init(directory: Path) -> None:
    """Write the starter configuration; what is there already is never overwritten."""
    file = directory / FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as written:
            written.write(starter())
    except FileExistsError:
        raise ConfigurationError(f"{file} is there already: edit it, or give another directory") from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from None
    out.print(f"wrote {file}: read it, change the API key and the trunk, then `leadline up --config {file}`")


def apply(file: Path, data: Path | None, settings: Settings, environment: Mapping[str, str]) -> None:
    """Print what is to change, and change it."""
    configuration = read(file, environment)
    dsn = find_database(settings, data or settings.data)
    if configuration.sip != Sip():
        out.print("sip: takes effect at the next start")
    made = uvloop.run(apply_configuration(dsn, configuration))
    for line in made.lines:
        out.print(str(line))
    count = len(made.lines)
    out.print("nothing to change" if not count else f"{count} change{'s' if count > 1 else ''} applied")


def settings(environment: Mapping[str, str]) -> None:
    """Every variable with the value that holds, what it means, and what holds without it."""
    for row in table.rows(environment):
        out.print(row.name, style="bold", end="")
        out.print(f"={row.value}" if row.value else "  (not set)")
        default = f"default {row.default}, " if row.default else ""
        out.print(f"    {row.help} ({default}{row.unit})")
