"""One measured figure and the ceiling it is held against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`ours` and `ceiling` in `unit`, measured in one run."""

    what: str
    ours: float
    ceiling: float
    unit: str
    goal: str
    ceiling_is: str


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
