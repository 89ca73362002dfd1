"""`leadline simulate`: a process's day on a virtual clock, by the rules of a configuration, beside another if asked."""

from leadline.cli.simulate.run import Asked, run

__all__ = ["Asked", "run"]
