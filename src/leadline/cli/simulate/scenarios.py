"""From what is asked for and a configuration to what is simulated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from leadline.cli.simulate.asked import AGENTS, LEADS, Asked
from leadline.cli.simulate.changes import Changes, changed
from leadline.clock import Clock
from leadline.configuration.configuration import Configuration, ConfiguredOrganisation, ConfiguredProcess
from leadline.configuration.problems import suggestion
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError
from leadline.domain.flow import Gather, Transfer
from leadline.domain.policy import Direction, Mode
from leadline.simulation.model import Model
from leadline.simulation.scenario import Part, Scenario

UNTIL: Final = "write --until 18:00, 2026-11-27 or '2026-11-27 18:00'"
YEARS: Final = range(1970, 3000)
"""Which may be simulated: far enough from the ends of the calendar that there is always a next week."""


def scenarios(asked: Asked, model: Model, environment: Mapping[str, str], clock: Clock) -> list[Scenario]:
    """The scenario that is asked for, and the one that it is compared to; raises ConfigurationError."""
    days = _days(asked, model, environment, clock)
    _check_gathers(model, days)
    return days


def _check_gathers(model: Model, days: Sequence[Scenario]) -> None:
    """Chances for a question that nobody asks are a slip of the pen."""
    flows = {part.flow.name: part.flow for day in days for part in day.parts if part.flow is not None}
    for flow, nodes in model.gathers.items():
        if flow not in flows:
            raise ConfigurationError(f"--model: gathers.{flow}: there is no such flow; {suggestion(flow, flows)}")
        asking = [name for name, node in flows[flow].nodes.items() if isinstance(node, Gather)]
        for node in nodes:
            if node not in asking:
                raise ConfigurationError(
                    f"--model: gathers.{flow}.{node}: the flow has no such gather; {suggestion(node, asking)}"
                )


def _days(asked: Asked, model: Model, environment: Mapping[str, str], clock: Clock) -> list[Scenario]:
    first = _scenario(asked, Changes(), read(asked.config, environment), asked.config.name, model, clock)
    if asked.compare is not None:
        other = _scenario(asked, Changes(), read(asked.compare, environment), asked.compare.name, model, clock)
        return [replace(first, name=f"{first.name} (1)"), replace(other, name=f"{other.name} (2)")]
    if not asked.sets:
        return [first]
    changes = Changes.of(asked.sets)
    changes.check([part.policy.servicekey for part in first.parts])
    servicekeys = [part.policy.servicekey for part in first.parts if not part.taken_along]
    configuration = changed(asked.config, servicekeys, changes, environment)
    return [first, _scenario(asked, changes, configuration, "with --set", model, clock)]


@dataclass(frozen=True, slots=True)
class _Found:
    """A process of the file, with whose it is."""

    organisation: int
    owner: ConfiguredOrganisation
    process: ConfiguredProcess

    @property
    def servicekey(self) -> str:
        return self.process.policy.servicekey


def _scenario(
    asked: Asked, changes: Changes, configuration: Configuration, name: str, model: Model, clock: Clock
) -> Scenario:
    known = _known(configuration)
    asked.leads.check(LEADS, known)
    asked.agents.check(AGENTS, known)
    chosen = _chosen(asked.processes, known)
    along = _asked_for(chosen, known)
    zone = ZoneInfo(chosen[0].owner.timezone)
    day = _day(asked.day) if asked.day else clock.now().astimezone(zone).date()
    trunks = {trunk.policy.name: trunk.policy for trunk in configuration.trunks}

    def part(found: _Found, *, taken_along: bool) -> Part:
        policy, own = found.process.policy, found.servicekey
        mode = changes.mode_of(own) or (policy.mode if taken_along else asked.mode or policy.mode)
        return Part(
            policy=policy,
            trunks=tuple(trunks[trunk] for trunk in policy.trunks or trunks),
            mode=mode,
            leads=0 if taken_along else asked.leads.get(own),
            agents=changes.agents_of(own, asked.agents.get(own)),
            zone=found.owner.timezone,
            # What is configured belongs to the mode that is configured.
            flow=found.process.flow if mode is policy.mode else None,
            organisation=found.organisation,
            do_not_call=frozenset(found.owner.do_not_call),
            taken_along=taken_along,
        )

    return Scenario(
        name=name,
        parts=(*(part(each, taken_along=False) for each in chosen), *(part(each, taken_along=True) for each in along)),
        seed=asked.seed,
        begins=_instant(day, time(), zone),
        ends=_until(asked.until, day, zone),
        model=model,
    )


def _known(configuration: Configuration) -> dict[str, _Found]:
    return {
        process.policy.servicekey: _Found(number, organisation, process)
        for number, organisation in enumerate(configuration.organisations, 1)
        for process in organisation.processes
    }


def _chosen(wanted: Sequence[str], known: Mapping[str, _Found]) -> list[_Found]:
    """The processes that are named, else all that call customers."""
    for servicekey in wanted:
        if servicekey not in known:
            raise ConfigurationError(
                f"--process {servicekey}: there is no such process; {suggestion(servicekey, known)}"
            )
    calling = [each for each in known.values() if each.process.policy.direction is not Direction.INBOUND]
    chosen = [known[servicekey] for servicekey in dict.fromkeys(wanted)] or calling
    if not chosen:
        raise ConfigurationError("the configuration has no process that calls customers: add one to processes")
    return chosen


def _asked_for(chosen: Iterable[_Found], known: Mapping[str, _Found]) -> list[_Found]:
    """Other processes whose agents the flows of these transfer to."""
    keys = {each.servicekey for each in chosen}
    queues: dict[str, None] = {}
    for each in chosen:
        if each.process.policy.mode is Mode.MESSAGE and each.process.flow is not None:
            nodes = each.process.flow.nodes.values()
            queues |= dict.fromkeys(node.queue for node in nodes if isinstance(node, Transfer) and node.queue)
    return [known[queue] for queue in queues if queue not in keys]


def _day(written: str) -> date:
    try:
        return _within_years(date.fromisoformat(written))
    except ValueError:
        raise ConfigurationError(f"{written!r} is no day: write --day 2026-11-25") from None


def _until(written: str | None, day: date, zone: ZoneInfo) -> datetime:
    """A time of the day, the end of another, or a time of another; the end of the day if nothing is said."""
    if written is None:
        return _instant(day + timedelta(days=1), time(), zone)
    try:
        if ":" not in written:
            return _instant(_within_years(date.fromisoformat(written)) + timedelta(days=1), time(), zone)
        moment = datetime.fromisoformat(written if "-" in written else f"{day} {written}")
    except ValueError:
        raise ConfigurationError(f"{written!r} is no time: {UNTIL}") from None
    return _instant(_within_years(moment.date()), moment.time(), moment.tzinfo or zone)


def _within_years(day: date) -> date:
    if day.year not in YEARS:
        raise ConfigurationError(f"{day} is too far away: give a day of the years {YEARS[0]} to {YEARS[-1]}")
    return day


def _instant(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
