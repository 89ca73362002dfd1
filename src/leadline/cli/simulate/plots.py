"""The course of the day: what is drawn, and how a terminal shows it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from leadline.simulation.result import Point, Result
from leadline.simulation.trunks import STRETCH

CURVES: Final[tuple[tuple[str, Callable[[Point], float]], ...]] = (
    ("calls begun in a quarter of an hour", lambda point: point.calls),
    ("agents on calls or wrapping up", lambda point: point.agents),
    ("channels, the most at once", lambda point: point.channels),
)
"""What is drawn, by its name."""
COLUMNS: Final = 72
"""Bars of a plot at most: of a longer day each stands for several quarters of an hour, and shows the highest."""
ROWS: Final = 5
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_TICK: Final = 8
"""Columns between two times of the day."""


def drawn(results: Sequence[Result]) -> list[tuple[str, Callable[[Point], float]]]:
    """The curves that there is anything of."""
    return [(name, of) for name, of in CURVES if any(of(point) for result in results for point in result.course)]


def plots(results: Sequence[Result]) -> Iterator[str]:
    """Bars of each curve, of each result below the other: alike in scale, and by the clock of the organisation."""
    times = [point.at for result in results for point in result.course]
    if not times:
        return
    first, stretch = min(times), timedelta(seconds=STRETCH)
    stretches = (max(times) - first) // stretch + 1
    each = ceil(stretches / COLUMNS)
    clock = _clock(first.astimezone(ZoneInfo(results[0].zone)), each * stretch, ceil(stretches / each))
    for name, of in drawn(results):
        bars = [_bars(result, of, first, each * stretch, ceil(stretches / each)) for result in results]
        top = max(max(values) for values in bars)
        yield f"\n{name} ({results[0].zone})"
        for result, values in zip(results, bars, strict=True):
            if len(results) > 1:
                yield f"{result.name}:"
            yield from _panel(values, top)
        yield clock


def _bars(result: Result, of: Callable[[Point], float], first: datetime, width: timedelta, columns: int) -> list[float]:
    values = [0.0] * columns
    for point in result.course:
        column = (point.at - first) // width
        values[column] = max(values[column], of(point))
    return values


def _panel(values: Sequence[float], top: float) -> Iterator[str]:
    """Rows from the top down, the scale at their left; whatever is not nothing is seen."""
    steps = [max(1, round(value / top * ROWS * 8)) if value else 0 for value in values]
    for row in reversed(range(ROWS)):
        scale = _number(top) if row == ROWS - 1 else "0" if row == 0 else ""
        yield f"{scale:>8} │" + "".join(_EIGHTHS[min(8, max(0, step - 8 * row))] for step in steps).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _clock(first: datetime, width: timedelta, columns: int) -> str:
    ticks = (f"{first + width * column:%H:%M}" for column in range(0, columns, _TICK))
    return " " * 8 + " └" + "".join(f"{tick:<{_TICK}}" for tick in ticks).rstrip()
