"""Whose turn it is where leads of several processes are due at one instant, as those are that waited for an hour."""


class Turns:
    """Whoever was served longest ago comes first: else one process would have the trunks until it has nothing left."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._served = 0

    def took(self, process_id: int) -> None:
        """A process has begun a call."""
        self._served += 1
        self._last[process_id] = self._served

    def of(self, process_id: int) -> int:
        """Orders processes: the least is next."""
        return self._last.get(process_id, 0)
