"""Results in the terminal: a table with a column for each, and with how the second differs from the first."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from rich.table import Table

from leadline.domain.attempt import Outcome
from leadline.domain.policy import Mode
from leadline.domain.vendor import CallType
from leadline.simulation.result import Result

Row = tuple[str, Sequence[str], str]
"""What it is, of each result, and how the second differs."""
PAIR: Final = 2
ALL: Final = "all processes"
_SAME: Final = "="
_ASKED_FOR: Final = {CallType.HOT_LEAD: "hot leads called", CallType.GENERAL_CALLBACK: "callbacks made"}


def tables(results: Sequence[Result]) -> Iterator[Table]:
    """Every figure: of one day its processes side by side, of two the days, for each process and all together."""
    if len(results) == 1 and results[0].processes:
        (day,) = results
        yield _table(None, [*day.processes, day], [*(process.name for process in day.processes), ALL])
        return
    yield _table(ALL if any(result.processes for result in results) else None, results)
    for servicekey in dict.fromkeys(process.name for result in results for process in result.processes):
        named = [(of, process) for of in results for process in of.processes if process.name == servicekey]
        yield _table(servicekey, [process for _, process in named], [of.name for of, _ in named])


def _table(title: str | None, results: Sequence[Result], names: Sequence[str] = ()) -> Table:
    shown = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    shown.add_column("", no_wrap=True)
    pair = len(results) == PAIR and not any(name == ALL for name in names)
    for name in names or [of.name for of in results]:
        shown.add_column(name, justify="right")
    if pair:
        shown.add_column("difference", justify="right")
    for name, figures, difference in _rows(results):
        shown.add_row(name, *figures, *([difference] if pair else []))
    return shown


def _rows(results: Sequence[Result]) -> Iterator[Row]:
    yield "mode", [of.mode for of in results], ""
    yield _count("leads", [of.leads for of in results])
    if any(of.pushed for of in results):
        yield _count("  pushed during the day", [of.pushed for of in results])
    yield _count("agents", [of.agents for of in results])
    yield _moment("first call", results, [of.began for of in results])
    yield _moment("last lead closed", results, [of.finished for of in results])
    yield _count("leads left open", [of.left_open for of in results])
    yield _count("leads closed", [sum(of.closed.values()) for of in results])
    for reason in sorted({reason for of in results for reason in of.closed}):
        yield _count(f"  {reason}", [of.closed.get(reason, 0) for of in results])
    yield _count("calls", [of.calls for of in results])
    for outcome in Outcome:
        if any(outcome in of.attempts for of in results):
            yield _part(f"  {outcome}", [of.attempts.get(outcome, 0) for of in results], [of.calls for of in results])
    yield from _flow_rows(results)
    yield from _agent_rows(results)
    for trunk in sorted({trunk for of in results for trunk in of.peaks}):
        peaks = [of.peaks.get(trunk) for of in results]
        yield _count(f"channels of {trunk}, at most", [peak.channels if peak else None for peak in peaks])
        yield _count("  calls a second, at most", [peak.cps if peak else None for peak in peaks])


def _flow_rows(results: Sequence[Result]) -> Iterator[Row]:
    """What customers have done in the flow, and when they were called who asked for it."""
    for disposition in sorted({disposition for of in results for disposition in of.dispositions}):
        yield _count(f"  ended as {disposition}", [of.dispositions.get(disposition, 0) for of in results])
    if any(of.callbacks for of in results):
        yield _count("  promised a callback", [of.callbacks for of in results])
    if any(of.refused for of in results):
        yield _count("  asked not to be called", [of.refused for of in results])
    for calltype, name in _ASKED_FOR.items():
        late = [of.late.get(str(int(calltype))) for of in results]
        if any(late):
            yield _count(name, [each.count if each else 0 for each in late])
            yield _seconds("  late, nine of ten by at most", [each.p90 if each else 0.0 for each in late])
            yield _seconds("  late, at most", [each.longest if each else 0.0 for each in late])


def _agent_rows(results: Sequence[Result]) -> Iterator[Row]:
    if any(of.served or of.unserved for of in results):
        yield _count("talked to an agent", [of.served for of in results])
        yield _count("  wanted one in vain", [of.unserved for of in results])
        yield _count("  had to wait", [of.waits.waited for of in results])
        yield _seconds("  waited, on average of all", [of.waits.mean for of in results])
        yield _seconds("  waited, at most", [of.waits.longest for of in results])
    if any(of.mode != Mode.MESSAGE for of in results):
        yield _share("abandoned, of those who answered", [of.abandonment for of in results], places=2)
    if not any(of.agents for of in results):
        return
    yield _share("agents on calls", [of.use.on_call for of in results])
    yield _share("  wrapping up", [of.use.wrap_up for of in results])
    yield _share("  reserved", [of.use.reserved for of in results])
    yield _share("  ready", [of.use.ready for of in results])
    yield _share("  on breaks", [of.use.away for of in results])


def _count(name: str, values: Sequence[int | None]) -> Row:
    more = (values[-1] or 0) - (values[0] or 0)
    return name, ["" if value is None else f"{value:,}" for value in values], _more(more, "{:+,}")


def _part(name: str, counts: Sequence[int], of: Sequence[int]) -> Row:
    shares = [count / all_ if all_ else 0.0 for count, all_ in zip(counts, of, strict=True)]
    written = [f"{count:,} ({share:.1%})" for count, share in zip(counts, shares, strict=True)]
    return name, written, _more(counts[-1] - counts[0], "{:+,}")


def _share(name: str, values: Sequence[float], places: int = 1) -> Row:
    points = round(100.0 * (values[-1] - values[0]), places)
    return name, [f"{value:.{places}%}" for value in values], _more(points, f"{{:+.{places}f}} points")


def _seconds(name: str, values: Sequence[float]) -> Row:
    return name, [f"{value:,.1f} s" for value in values], _more(round(values[-1] - values[0], 1), "{:+,.1f} s")


def _moment(name: str, results: Sequence[Result], moments: Sequence[datetime | None]) -> Row:
    """By the clock of the organisation."""
    zones = [ZoneInfo(of.zone) for of in results]
    written = [f"{at.astimezone(zone):%m-%d %H:%M}" if at else "" for at, zone in zip(moments, zones, strict=True)]
    first, last = moments[0], moments[-1]
    return name, written, "" if first is None or last is None else _later(last - first)


def _later(by: timedelta) -> str:
    hours, minutes = divmod(round(abs(by).total_seconds() / 60.0), 60)
    said = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return _SAME if not (hours or minutes) else f"{said} {'later' if by > timedelta() else 'earlier'}"


def _more(by: float, written: str) -> str:
    return written.format(by) if by else _SAME
