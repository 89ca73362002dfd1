"""`leadline dnc` with its options; what each does is in do_not_call.py, loaded only when it is called for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from leadline.cli.do_not_call import Desk

app = typer.Typer(
    help="Keep the do-not-call lists of an organisation and of its processes.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Telephone numbers, however written.")]
Organisation = Annotated[
    str | None, typer.Option("--organisation", help="Whose list; not needed if there is one.", show_default=False)
]
ServiceKey = Annotated[
    str | None,
    typer.Option("--servicekey", "-k", help="The list of this process, else of the organisation.", show_default=False),
]
Until = Annotated[
    str | None, typer.Option(metavar="DATE", help="Called again from then on; else never.", show_default=False)
]
Reason = Annotated[str | None, typer.Option(help="Why, for whoever reads the list.", show_default=False)]
DataDir = Annotated[
    Path | None,
    typer.Option("--data", help="Data directory; else LEADLINE_DATA, else ./leadline-data.", show_default=False),
]


@app.command("add")
def add_command(
    numbers: Numbers,
    servicekey: ServiceKey = None,
    organisation: Organisation = None,
    until: Until = None,
    reason: Reason = None,
    data: DataDir = None,
) -> None:
    """Put numbers on a list."""
    raise typer.Exit(_desk(data, organisation, servicekey).add(numbers, until, reason))


@app.command("list")
def list_command(
    servicekey: ServiceKey = None,
    organisation: Organisation = None,
    number: Annotated[str | None, typer.Option(help="Only this number.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    data: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List who is not called, with what has expired too."""
    _desk(data, organisation, servicekey).show(number, limit, as_json=as_json)


@app.command("remove")
def remove_command(
    numbers: Numbers, servicekey: ServiceKey = None, organisation: Organisation = None, data: DataDir = None
) -> None:
    """Take numbers off a list; what the configuration file lists is taken off there."""
    raise typer.Exit(_desk(data, organisation, servicekey).remove(numbers))


@app.command("import")
def import_command(
    file: Annotated[str, typer.Argument(metavar="FILE.csv", help="With a header; - is standard input.")],
    column: Annotated[
        str | None,
        typer.Option(help="Which holds the numbers; else number, mobilenumber or phone.", show_default=False),
    ] = None,
    servicekey: ServiceKey = None,
    organisation: Organisation = None,
    until: Until = None,
    reason: Reason = None,
    data: DataDir = None,
) -> None:
    """Put every number of a CSV on a list; a column `reason` is kept. Safe to run again."""
    raise typer.Exit(_desk(data, organisation, servicekey).import_csv(file, column, until, reason))


def _desk(data: Path | None, organisation: str | None, servicekey: str | None) -> "Desk":
    from leadline.cli.do_not_call import Desk
    from leadline.cli.settings import load_settings

    return Desk(data, load_settings(), organisation, servicekey)
