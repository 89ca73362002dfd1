"""Every command with its options; what each does is in the file of its name, loaded only when it is called for."""

from pathlib import Path
from typing import Annotated

import typer

from leadline.role import Role

app = typer.Typer(
    name="leadline",
    help="An open, self-hosted contact-centre intake and dialer: a lead is pushed, and the right phone rings, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Configuration file; else LEADLINE_CONFIG, else ./leadline.yaml.", show_default=False
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data", help="Data directory; else LEADLINE_DATA, else ./leadline-data.", show_default=False),
]


@app.command("up")
def up_command(
    config: ConfigFile = None,
    data: DataDir = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where HTTP listens; port 0 picks a free one.", show_default=False),
    ] = None,
    role: Annotated[Role, typer.Option(help="What this process does of the work.")] = Role.ALL,
    drain: Annotated[
        int | None,
        typer.Option(min=0, help="Seconds that calls may go on after SIGTERM.", show_default=False),
    ] = None,
) -> None:
    """Apply the configuration, then run everything until SIGTERM or Ctrl-C."""
    from leadline.cli import up
    from leadline.cli.settings import environment, load_settings

    settings = load_settings()
    up.run(up.options(settings, config, data, http, drain, role), settings, environment())


@app.command("init")
def init_command(
    directory: Annotated[Path, typer.Argument(help="Where to write leadline.yaml.")] = Path(),
) -> None:
    """Write a commented starter configuration."""
    from leadline.cli import configuration

    configuration.init(directory)


@app.command("apply")
def apply_command(
    file: Annotated[Path, typer.Argument(help="Configuration file.")],
    data: DataDir = None,
) -> None:
    """Make the database of a running Leadline agree with FILE; prints the plan first."""
    from leadline.cli import configuration
    from leadline.cli.settings import environment, load_settings

    configuration.apply(file, data, load_settings(), environment())


@app.command("settings")
def settings_command() -> None:
    """List every LEADLINE_* variable: name, value, default, unit, help."""
    from leadline.cli import configuration
    from leadline.cli.settings import environment

    configuration.settings(environment())


@app.command("leads")
def leads_command(
    lead_id: Annotated[
        int | None, typer.Argument(metavar="[LEAD]", help="A lead's id: shows its timeline.", show_default=False)
    ] = None,
    data: DataDir = None,
    servicekey: Annotated[str | None, typer.Option(help="Only leads of this process.", show_default=False)] = None,
    number: Annotated[
        str | None, typer.Option(help="Only leads with this telephone number.", show_default=False)
    ] = None,
    state: Annotated[str | None, typer.Option(help="Only leads in this state.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List leads, or show one with its attempts and everything that happened to it."""
    from leadline.cli import leads
    from leadline.cli.settings import load_settings

    filters = leads.Filters(servicekey, number, state, limit)
    leads.show(lead_id, filters, data, load_settings(), as_json=as_json)


@app.command("demo")
def demo_command(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it up afterwards, with a curl to try.")] = False,
    directory: Annotated[Path, typer.Option("--out", help="Where the WAV files go.")] = Path("leadline-demo"),
) -> None:
    """The main job, end to end: three customers pushed, called, spoken to by name, each pressing a key."""
    from leadline.cli import demo

    raise typer.Exit(demo.run(directory, keep=keep))
