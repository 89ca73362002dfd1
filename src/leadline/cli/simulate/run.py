"""Simulate what the command line asks for, and show what came of it: tables and plots, or JSON."""

from collections.abc import Mapping

import msgspec

from leadline.cli.console import out
from leadline.cli.simulate.asked import Asked
from leadline.cli.simulate.model_file import read_model
from leadline.cli.simulate.picture import draw
from leadline.cli.simulate.plots import plots
from leadline.cli.simulate.printing import tables
from leadline.cli.simulate.scenarios import scenarios
from leadline.clock import Clock
from leadline.simulation.day import simulate
from leadline.simulation.model import Model


def run(asked: Asked, environment: Mapping[str, str], clock: Clock) -> None:
    """Raises ConfigurationError."""
    model = read_model(asked.model) if asked.model else Model()
    results = [simulate(scenario) for scenario in scenarios(asked, model, environment, clock)]
    if asked.as_json:
        out.print(msgspec.json.format(msgspec.json.encode(results)).decode())
    else:
        for each in tables(results):
            out.print(each)
        for line in plots(results):
            out.print(line)
    if asked.png is not None:
        draw(results, asked.png)
