"""Every command with its options; what each does is in the file of its name, loaded only when it is called for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadline.cli import dnc
from leadline.domain.policy import Mode
from leadline.role import Role
from leadline.store.control import Order
from leadline.store.keys import Scope

if TYPE_CHECKING:
    from leadline.cli.control import Desk

app = typer.Typer(
    name="leadline",
    help="An open, self-hosted contact-centre intake and dialer: a lead is pushed, and the right phone rings, once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(dnc.app, name="dnc")

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

Url = Annotated[
    str | None,
    typer.Option(
        metavar="http://HOST:PORT", help="The Leadline; else the one that runs on --data, else LEADLINE_URL.",
        show_default=False,
    ),
]  # fmt: skip
ProcessKey = Annotated[str, typer.Argument(metavar="SERVICEKEY", help="The process.")]
MeantState = Annotated[str | None, typer.Option("--state", help="Only leads in this state.", show_default=False)]
MeantCallType = Annotated[int | None, typer.Option("--calltype", help="Only of this call type.", show_default=False)]
MeantIds = Annotated[list[int] | None, typer.Option("--id", help="Only this lead; repeatable.", show_default=False)]
MeantAfter = Annotated[
    str | None, typer.Option("--created-after", help="Only leads first pushed after.", show_default=False)
]
MeantBefore = Annotated[
    str | None, typer.Option("--created-before", help="Only leads first pushed before.", show_default=False)
]
ApiKeyName = Annotated[str, typer.Option(metavar="NAME", help="The variable that holds the API key.")]


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


@app.command("explain")
def explain_command(
    lead_id: Annotated[int, typer.Argument(metavar="LEAD", help="A lead's id, as `leadline leads` lists it.")],
    data: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Tell why a lead is not ringing now: every rule, whether it passes, why, and until when."""
    from leadline.cli import explain
    from leadline.cli.settings import load_settings

    explain.show(lead_id, data, load_settings(), as_json=as_json)


@app.command("processes")
def processes_command(
    data: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Show every process: whether it is paused, what waits and why, what is on the phone."""
    _desk(data).processes(as_json=as_json)


@app.command("pause")
def pause_command(servicekey: ProcessKey, data: DataDir = None) -> None:
    """Begin no calls of a process; those that are up go on."""
    _desk(data).order(servicekey, Order.PAUSE)


@app.command("resume")
def resume_command(servicekey: ProcessKey, data: DataDir = None) -> None:
    """Begin calls of a process again, after `pause` or `stop`."""
    _desk(data).order(servicekey, Order.RESUME)


@app.command("stop")
def stop_command(servicekey: ProcessKey, data: DataDir = None) -> None:
    """Begin no calls of a process, and hang up those that are up."""
    _desk(data).order(servicekey, Order.STOP)


@app.command("cancel")
def cancel_command(
    lead_id: Annotated[int, typer.Argument(metavar="LEAD", help="A lead's id, as `leadline leads` lists it.")],
    data: DataDir = None,
) -> None:
    """Close a lead as cancelled; one on the phone is hung up."""
    _desk(data).cancel(lead_id)


@app.command("reschedule")
def reschedule_command(
    servicekey: ProcessKey,
    at: Annotated[
        str | None, typer.Option(help="When they are called; at once, if not said.", show_default=False)
    ] = None,
    state: MeantState = None,
    calltype: MeantCallType = None,
    ids: MeantIds = None,
    created_after: MeantAfter = None,
    created_before: MeantBefore = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say how many would be.")] = False,
    data: DataDir = None,
) -> None:
    """Have many waiting leads called at another time; safe to run again."""
    from leadline.cli.control import Meant

    meant = Meant(servicekey, state, calltype, tuple(ids or ()), created_after, created_before)
    _desk(data).reschedule(meant, at, dry_run=dry_run)


@app.command("close")
def close_command(
    servicekey: ProcessKey,
    state: MeantState = None,
    calltype: MeantCallType = None,
    ids: MeantIds = None,
    created_after: MeantAfter = None,
    created_before: MeantBefore = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say how many would be.")] = False,
    data: DataDir = None,
) -> None:
    """Close many waiting leads as cancelled; safe to run again."""
    from leadline.cli.control import Meant

    meant = Meant(servicekey, state, calltype, tuple(ids or ()), created_after, created_before)
    _desk(data).close(meant, dry_run=dry_run)


def _desk(data: Path | None) -> "Desk":
    from leadline.cli.control import Desk
    from leadline.cli.settings import load_settings

    return Desk(data, load_settings())


@app.command("keys")
def keys_command(
    organisation: Annotated[str | None, typer.Argument(help="Only of this organisation.", show_default=False)] = None,
    add: Annotated[str | None, typer.Option(metavar="NAME", help="Make a key, shown once.", show_default=False)] = None,
    scopes: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What the new key may do; may be given twice.")
    ] = None,
    retire: Annotated[
        str | None, typer.Option(metavar="NAME", help="Let a key open nothing any more.", show_default=False)
    ] = None,
    data: DataDir = None,
) -> None:
    """List the keys that an organisation has beside its API key; make or retire one."""
    from leadline.cli import keys
    from leadline.cli.settings import load_settings

    keys.run(keys.Asked(organisation, add, tuple(scopes or ()), retire), data, load_settings())


@app.command("push")
def push_command(
    file: Annotated[str, typer.Argument(help="CSV, JSON or NDJSON, plain or gzip; - is standard input.")],
    servicekey: Annotated[str, typer.Option("--servicekey", "-k", help="The process.")],
    updateparam: Annotated[
        str | None,
        typer.Option(help="The key that decides insert or update; mobilenumber if not said.", show_default=False),
    ] = None,
    media: Annotated[str | None, typer.Option(help="12 (Voice Out) if not said.", show_default=False)] = None,
    calltype: Annotated[str | None, typer.Option(help="For rows without one.", show_default=False)] = None,
    calldatetime: Annotated[str | None, typer.Option(help="For rows without one.", show_default=False)] = None,
    reqdatetime: Annotated[
        str | None,
        typer.Option(help="A moment, or now; the file's own time if not said.", show_default=False),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=NODE", help="What a column is; COLUMN= leaves it out. Repeatable."),
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Columns by their own names only.")] = False,
    keep_blanks: Annotated[bool, typer.Option("--keep-blanks", help="An empty cell clears what is stored.")] = False,
    form: Annotated[
        str | None, typer.Option("--format", metavar="csv|json|ndjson", help="Else by name and content.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV; else found out.", show_default=False)] = None,
    encoding: Annotated[str | None, typer.Option(help="Else found out.", show_default=False)] = None,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Records of one request.")] = 1_000,
    in_flight: Annotated[int, typer.Option(min=1, max=16, help="Requests at once.")] = 2,
    journal: Annotated[Path | None, typer.Option(help="Else FILE.push-journal.", show_default=False)] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="Refused rows; else FILE.rejected.csv.", show_default=False)
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="From the beginning, whatever was pushed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing; say what a push would do.")] = False,
    url: Url = None,
    data: DataDir = None,
    apikey_env: ApiKeyName = "LEADLINE_APIKEY",
) -> None:
    """Push a file of customers; safe to run again, and to go on with after Ctrl-C."""
    from leadline.cli.push import Order, door, push
    from leadline.cli.settings import environment, load_settings

    order = Order(
        file=file, servicekey=servicekey, updateparam=updateparam, media=media, calltype=calltype,
        calldatetime=calldatetime, reqdatetime=reqdatetime, maps=maps or (), exact=exact, keep_blanks=keep_blanks,
        format=form, delimiter=delimiter, encoding=encoding, batch=batch, in_flight=in_flight, journal=journal,
        rejected=rejected, restart=restart, dry_run=dry_run,
    )  # fmt: skip
    raise typer.Exit(push(order, door(url, data or load_settings().data, apikey_env, environment())))


@app.command("replay")
def replay_command(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write them, or the mended file to push: .csv, else NDJSON.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only of pushes since: 2026-11-25, or with time and offset.", show_default=False)
    ] = None,
    servicekey: Annotated[str | None, typer.Option("--servicekey", "-k", help="Only of this process.")] = None,
    push: Annotated[bool, typer.Option("--push", help="Push the mended FILE; without one, them as they are.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what pushing them again would do.")] = False,
    updateparam: Annotated[str | None, typer.Option(help="Where the log does not tell.", show_default=False)] = None,
    media: Annotated[str | None, typer.Option(help="Where the log does not tell.", show_default=False)] = None,
    url: Url = None,
    data: DataDir = None,
    apikey_env: ApiKeyName = "LEADLINE_APIKEY",
) -> None:
    """Take refused records out of the push log, to be mended, and push them again, each as its push said."""
    from leadline.cli.push import door
    from leadline.cli.replay import Wanted, replay
    from leadline.cli.settings import environment, load_settings

    wanted = Wanted(
        file=file, since=since, servicekey=servicekey, push=push, dry_run=dry_run, updateparam=updateparam, media=media
    )
    raise typer.Exit(replay(wanted, door(url, data or load_settings().data, apikey_env, environment())))


@app.command("simulate")
def simulate_command(
    config: ConfigFile = None,
    processes: Annotated[
        list[str] | None, typer.Option("--process", "-p", help="Its servicekey, repeatable; else all that call.")
    ] = None,
    leads: Annotated[
        list[str] | None,
        typer.Option(metavar="[KEY=]N", help="Customers of each process, or of one, due from the start; 1000."),
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option(metavar="[KEY=]N", help="Agents of each process, or of one; a message process needs none."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed comes to the same result.")] = 7,
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Its first day; else today.")] = None,
    until: Annotated[
        str | None, typer.Option(help="No call after: 18:00, 2026-11-27, '2026-11-27 18:00'; else that day.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option(help="Instead of the process's own.", show_default=False)] = None,
    model: Annotated[Path | None, typer.Option(help="YAML: what to assume of customers and agents.")] = None,
    compare: Annotated[Path | None, typer.Option(metavar="FILE", help="Another configuration, side by side.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Side by side with: retry.busy.after=5m. Repeatable."),
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the day into a file; needs leadline\\[simulate].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables and plots.")] = False,
) -> None:
    """Simulate the day of processes on a virtual clock: when it is done, how busy agents are, who is abandoned."""
    from leadline.cli.settings import environment, load_settings
    from leadline.cli.simulate import AGENTS, LEADS, MOST_AGENTS, MOST_LEADS, Asked, Counts, run
    from leadline.clock import SystemClock

    asked = Asked(
        config=config or load_settings().config, processes=processes or (), seed=seed, day=day, until=until, mode=mode,
        leads=Counts.of(leads or (), LEADS, 1_000, MOST_LEADS),
        agents=Counts.of(agents or (), AGENTS, 0, MOST_AGENTS),
        model=model, compare=compare, sets=sets or (), png=png, as_json=as_json,
    )  # fmt: skip
    run(asked, environment(), SystemClock())


@app.command("demo")
def demo_command(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it up afterwards, with a curl to try.")] = False,
    directory: Annotated[Path, typer.Option("--out", help="Where the WAV files go.")] = Path("leadline-demo"),
) -> None:
    """The main job, end to end: three customers pushed, called, spoken to by name, each pressing a key."""
    from leadline.cli import demo

    raise typer.Exit(demo.run(directory, keep=keep))
