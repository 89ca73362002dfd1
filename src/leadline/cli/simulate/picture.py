"""`--png FILE`: the course of the day as a picture, by matplotlib, which comes with the extra `simulate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from leadline.cli.simulate.plots import drawn
from leadline.cli.simulate.printing import ALL
from leadline.domain.errors import ConfigurationError
from leadline.simulation.result import Result

_TOTAL: Final = "k--"
"""Black and dashed."""


def draw(results: Sequence[Result], file: Path) -> None:
    """Write the picture; raises ConfigurationError where it cannot be."""
    try:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415  (an extra)
        from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)
    except ImportError:
        raise ConfigurationError(
            "--png needs matplotlib, which is not installed: pip install 'leadline[simulate]'"
        ) from None
    # One day: what each process has of it; two: one beside the other.
    shown = [(result.name, result) for result in results]
    if len(results) == 1 and (processes := results[0].processes):
        shown = [(ALL, results[0]), *((process.name, process) for process in processes)]
    curves, zone = drawn(results), ZoneInfo(results[0].zone)
    figure = Figure(figsize=(10, 1 + 2.7 * max(1, len(curves))), dpi=120, layout="constrained")
    for axes, (title, of) in zip(figure.subplots(max(1, len(curves)), 1, squeeze=False)[:, 0], curves, strict=False):
        for name, result in shown:
            at = [point.at.astimezone(zone) for point in result.course]
            values = [of(point) for point in result.course]
            axes.plot(at, values, _TOTAL if name == ALL else "", label=name, linewidth=1.4, drawstyle="steps-post")
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        locator = AutoDateLocator(tz=zone)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]
        axes.legend(loc="upper right", fontsize=9)
    figure.supxlabel(f"time in {results[0].zone}", fontsize=9)
    try:
        figure.savefig(file, format="png", metadata={"Software": "leadline simulate"})
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}): give another --png") from None
