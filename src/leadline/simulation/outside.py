"""Transfers to a number: a second leg over the process's trunks, within the same limits as a call to a customer."""

from collections.abc import Callable, Sequence
from functools import partial

from leadline.calling.switchboard import LOOK_AGAIN
from leadline.calling.transfer import ENDED, NO_AGENT
from leadline.domain.eligibility import Facts, Route, routes
from leadline.domain.policy import ProcessPolicy, TrunkPolicy
from leadline.simulation.call import Call
from leadline.simulation.timeline import Timeline
from leadline.simulation.trunks import Trunks


class Outside:
    """Whoever is called there answers, and talks as long as an agent would."""

    def __init__(self, trunks: Trunks, line: Timeline, back: Callable[[Call, str], None]) -> None:
        self._trunks, self._line, self._back = trunks, line, back

    def connect(
        self, call: Call, number: str, policy: ProcessPolicy, trunks: Sequence[TrunkPolicy], patience: float
    ) -> None:
        """Join the customer with a number; while no trunk has a slot they wait, so long."""
        called = Facts(call.lead.but(number=number), policy, trunks, None, None, self._line.now)
        self._seize(call, routes(called), self._line.at, self._line.instant(patience))

    def _seize(self, call: Call, ways: Sequence[Route], since: float, until: float) -> None:
        at = self._line.at
        way = self._trunks.seize(ways)
        if way is not None:
            call.tally.waits.append(at - since)
            self._line.later(call.reaction.rings + call.reaction.talks, partial(self._over, call, way))
        elif at < until:
            self._line.later(min(LOOK_AGAIN, until - at), partial(self._seize, call, ways, since, until))
        else:
            self._back(call, NO_AGENT)

    def _over(self, call: Call, way: Route) -> None:
        self._trunks.release(way.trunk)
        self._back(call, ENDED)
