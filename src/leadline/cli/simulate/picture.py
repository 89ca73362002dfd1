"""`--png FILE`: the course of the day as a picture, by matplotlib, which comes with the extra `simulate`."""

from collections.abc import Sequence
from pathlib import Path

from leadline.cli.simulate.printing import CURVES
from leadline.domain.errors import ConfigurationError
from leadline.simulation.result import Result


def draw(results: Sequence[Result], file: Path) -> None:
    """Write the picture; raises ConfigurationError where it cannot be."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)
    except ImportError:
        raise ConfigurationError(
            "--png needs matplotlib, which is not installed: pip install 'leadline[simulate]'"
        ) from None
    figure = Figure(figsize=(10, 9), layout="constrained")
    for axes, (name, of) in zip(figure.subplots(len(CURVES), 1, sharex=True), CURVES, strict=True):
        for result in results:
            axes.plot([point.at for point in result.course], [of(point) for point in result.course], label=result.name)
        axes.set_title(name)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
    figure.legend([result.name for result in results], loc="outside upper right")
    try:
        figure.savefig(file, format="png", metadata={"Software": "leadline simulate"})
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}): give another --png") from None
