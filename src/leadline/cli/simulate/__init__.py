"""`leadline simulate`: a day on a virtual clock, by the rules of a configuration, beside another if asked."""

from leadline.cli.simulate.asked import AGENTS, LEADS, MOST_AGENTS, MOST_LEADS, Asked, Counts
from leadline.cli.simulate.run import run

__all__ = ["AGENTS", "LEADS", "MOST_AGENTS", "MOST_LEADS", "Asked", "Counts", "run"]
