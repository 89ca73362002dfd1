"""How many calls a process is to begin, by the pacing that calls are made by and what that is told of them."""

from leadline.calling.live_call import TROUBLE
from leadline.domain import pacing
from leadline.domain.attempt import Outcome
from leadline.domain.pacing import Floor, Measures
from leadline.domain.policy import Mode
from leadline.simulation.call import Call
from leadline.simulation.timeline import Timeline


class Pace:
    """Of one process."""

    def __init__(self, mode: Mode, cap: float, line: Timeline) -> None:
        self._mode, self._cap, self._line = mode, cap, line
        self._measuring = mode is Mode.PREDICTIVE
        self._measures = Measures()
        self._ahead = 0
        """Calls that ring and have no agent yet."""

    def room(self, floor: Floor) -> int | None:
        """How many more calls to begin; None is as many as the trunks take."""
        wanted = pacing.wanted(self._mode, floor, self._measures, self._line.today, self._cap)
        return None if wanted is None else wanted - self._ahead

    def ring(self, call: Call) -> None:
        """A phone rings; ahead, if there is no agent for its customer."""
        if call.agent is None:
            self._ahead += 1
            call.is_ahead = True

    def rung(self, call: Call) -> None:
        """The phone has stopped ringing."""
        outcome = call.reaction.outcome
        self._ahead -= call.is_ahead
        call.is_ahead = False
        if self._measuring and outcome not in TROUBLE:
            answered = outcome is Outcome.ANSWERED
            self._measures = pacing.rung(
                self._measures, answered=answered, seconds=call.reaction.rings, day=self._line.today
            )

    def abandoned(self) -> None:
        self._measures = pacing.abandoned(self._measures, self._line.today)

    def handled(self, seconds: float) -> None:
        if self._measuring:
            self._measures = pacing.handled(self._measures, seconds)
