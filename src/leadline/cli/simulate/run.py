"""From the command line to scenarios, and from their results to tables, plots or JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from leadline.cli.console import out
from leadline.cli.simulate.changes import Changes, changed
from leadline.cli.simulate.model_file import read_model
from leadline.cli.simulate.picture import draw
from leadline.cli.simulate.printing import plots, table
from leadline.clock import Clock
from leadline.configuration.configuration import Configuration, ConfiguredOrganisation
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError
from leadline.domain.policy import Mode, ProcessPolicy
from leadline.simulation.day import simulate
from leadline.simulation.model import Model
from leadline.simulation.scenario import Scenario

UNTIL: Final = "write --until 18:00, 2026-11-27 or '2026-11-27 18:00'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says."""

    config: Path
    process: str | None
    leads: int
    agents: int
    seed: int
    day: str | None = None
    until: str | None = None
    mode: Mode | None = None
    model: Path | None = None
    compare: Path | None = None
    sets: Sequence[str] = ()
    png: Path | None = None
    as_json: bool = False


def run(asked: Asked, environment: Mapping[str, str], clock: Clock) -> None:
    """Simulate, and show what came of it; raises ConfigurationError."""
    model = read_model(asked.model) if asked.model else Model()
    results = [simulate(scenario) for scenario in scenarios(asked, model, environment, clock)]
    if asked.as_json:
        out.print(msgspec.json.format(msgspec.json.encode(results)).decode(), markup=False)
    else:
        out.print(table(results))
        for line in plots(results):
            out.print(line, markup=False)
    if asked.png is not None:
        draw(results, asked.png)


def scenarios(asked: Asked, model: Model, environment: Mapping[str, str], clock: Clock) -> list[Scenario]:
    """The scenario that is asked for, and the one that it is compared to."""
    first = _scenario(asked, read(asked.config, environment), asked.config.name, model, clock)
    if asked.compare is not None:
        other = _scenario(asked, read(asked.compare, environment), asked.compare.name, model, clock)
        return [replace(first, name=f"{first.name} (1)"), replace(other, name=f"{other.name} (2)")]
    if not asked.sets:
        return [first]
    changes = Changes.of(asked.sets)
    other = _scenario(
        replace(asked, mode=changes.mode or asked.mode, agents=changes.agents or asked.agents),
        changed(asked.config, first.policy.servicekey, changes, environment),
        "with --set",
        model,
        clock,
    )
    return [first, other]


def _scenario(asked: Asked, configuration: Configuration, name: str, model: Model, clock: Clock) -> Scenario:
    organisation, policy = _process(configuration, asked.process)
    trunks = {trunk.policy.name: trunk.policy for trunk in configuration.trunks}
    zone = ZoneInfo(organisation.timezone)
    day = _day(asked.day) if asked.day else clock.now().astimezone(zone).date()
    return Scenario(
        name=name,
        policy=policy,
        trunks=tuple(trunks[trunk] for trunk in policy.trunks or trunks),
        mode=asked.mode or policy.mode,
        leads=asked.leads,
        agents=asked.agents,
        seed=asked.seed,
        begins=_instant(day, time(), zone),
        ends=_until(asked.until, day, zone),
        zone=organisation.timezone,
        model=model,
    )


def _process(configuration: Configuration, wanted: str | None) -> tuple[ConfiguredOrganisation, ProcessPolicy]:
    known = {
        process.policy.servicekey: (organisation, process.policy)
        for organisation in configuration.organisations
        for process in organisation.processes
    }
    if wanted is None and len(known) == 1:
        return next(iter(known.values()))
    if wanted not in known:
        said = "say which process" if wanted is None else f"there is no process {wanted!r}"
        raise ConfigurationError(f"{said}: --process with one of {', '.join(sorted(known))}")
    return known[wanted]


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ConfigurationError(f"{written!r} is no day: write --day 2026-11-25") from None


def _until(written: str | None, day: date, zone: ZoneInfo) -> datetime:
    """A time of the day, the end of another, or a time of another; the end of the day if nothing is said."""
    if written is None:
        return _instant(day + timedelta(days=1), time(), zone)
    try:
        if ":" not in written:
            return _instant(date.fromisoformat(written) + timedelta(days=1), time(), zone)
        moment = datetime.fromisoformat(written if "-" in written else f"{day} {written}")
    except ValueError:
        raise ConfigurationError(f"{written!r} is no time: {UNTIL}") from None
    return _instant(moment.date(), moment.time(), zone)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
