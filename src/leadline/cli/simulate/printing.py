"""Results in the terminal: a table with a column for each, and their course through the day."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

import plotille
from rich.table import Table

from leadline.domain.attempt import Outcome
from leadline.domain.policy import Mode
from leadline.simulation.result import Peak, Point, Result

WIDTH: Final = 64
HEIGHT: Final = 10


def table(results: Sequence[Result]) -> Table:
    """Every figure, side by side."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("")
    for result in results:
        shown.add_column(result.name, justify="right")
    for name, figures in _rows(results):
        shown.add_row(name, *figures)
    return shown


def _rows(results: Sequence[Result]) -> Iterator[tuple[str, list[str]]]:
    yield "mode", [of.mode for of in results]
    yield "leads", [f"{of.leads:,}" for of in results]
    yield "agents", [f"{of.agents:,}" for of in results]
    yield "first call (UTC)", [_time(of.began) for of in results]
    yield "last lead closed (UTC)", [_time(of.finished) if of.finished else f"{of.left_open:,} open" for of in results]
    yield "calls", [f"{of.calls:,}" for of in results]
    for outcome in Outcome:
        if any(outcome in of.attempts for of in results):
            yield f"  {outcome}", [_share(of.attempts.get(outcome, 0), of.calls) for of in results]
    yield "leads closed", [f"{sum(of.closed.values()):,}" for of in results]
    for reason in sorted({reason for of in results for reason in of.closed}):
        yield f"  {reason}", [f"{of.closed.get(reason, 0):,}" for of in results]
    if any(of.mode != Mode.MESSAGE for of in results):
        yield from _agent_rows(results)
    for trunk in sorted({trunk for of in results for trunk in of.peaks}):
        yield f"peak of {trunk}", [_peak(of.peaks.get(trunk)) for of in results]


def _agent_rows(results: Sequence[Result]) -> Iterator[tuple[str, list[str]]]:
    yield "talked to an agent", [f"{of.served:,}" for of in results]
    yield "abandoned, of those who answered", [_share(of.abandoned, of.answered, places=2) for of in results]
    yield "waited for an agent", [f"{of.waits.waited:,}" for of in results]
    yield "  on average of all", [f"{of.waits.mean:.2f} s" for of in results]
    yield "  at most", [f"{of.waits.longest:.2f} s" for of in results]
    yield "agents on calls", [f"{of.use.on_call:.1%}" for of in results]
    yield "  wrapping up", [f"{of.use.wrap_up:.1%}" for of in results]
    yield "  reserved", [f"{of.use.reserved:.1%}" for of in results]
    yield "  ready", [f"{of.use.ready:.1%}" for of in results]
    yield "  on breaks", [f"{of.use.away:.1%}" for of in results]


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "none"


def _share(count: int, of: int, places: int = 1) -> str:
    return f"{count:,} ({count / of if of else 0.0:.{places}%})"


def _peak(peak: Peak | None) -> str:
    return f"{peak.channels:,} channels, {peak.cps:,}/s" if peak else "not used"


CURVES: Final[tuple[tuple[str, Callable[[Point], float]], ...]] = (
    ("calls begun in a quarter of an hour", lambda point: point.calls),
    ("agents on calls or wrapping up", lambda point: point.agents),
    ("channels, the most at once", lambda point: point.channels),
)
"""What is drawn, by its name."""


def _hours(value: float, _: float) -> str:
    return f"{value:.1f}"


def _number(value: float, _: float) -> str:
    return f"{value:,.0f}"


def plots(results: Sequence[Result]) -> Iterator[str]:
    """A plot of each curve, where there is anything to draw."""
    marks = ("", "*")
    for name, of in CURVES:
        if not any(of(point) for result in results for point in result.course):
            continue
        figure = plotille.Figure()
        figure.width, figure.height = WIDTH, HEIGHT
        figure.set_x_limits(min_=0.0)
        figure.set_y_limits(min_=0.0)
        figure.x_label, figure.y_label = "hours", ""
        figure.x_ticks_fkt, figure.y_ticks_fkt = _hours, _number
        first = min(result.course[0].at for result in results if result.course)
        for result, mark in zip(results, marks, strict=False):
            hours = [(point.at - first).total_seconds() / 3600.0 for point in result.course]
            figure.plot(
                hours, [of(point) for point in result.course], label=f"{result.name} {mark}", marker=mark or None
            )
        yield f"\n{name}, from {first:%H:%M} UTC"
        yield figure.show(legend=len(results) > 1)
