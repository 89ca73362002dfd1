"""A call that is under way, and what has been tried of its lead."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leadline.domain.attempt import Outcome
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.eligibility import Dialed, Route
from leadline.domain.lead import Lead
from leadline.simulation.customers import Reaction
from leadline.simulation.tally import Tally
from leadline.simulation.way import Walk


@dataclass(slots=True, eq=False)
class Call:
    """One attempt."""

    lead: Lead
    ways: Sequence[Route]
    reaction: Reaction
    past: "Past"
    tally: Tally
    """Where it is counted."""
    agent: int | None = None
    """Who is reserved for it, or talks."""
    way: Route | None = None
    is_ahead: bool = False
    """Whether the phone rings for an agent who is still to be found."""
    walk: Walk | None = None
    """Where the customer is in the flow, once they have answered."""
    callback_at: datetime | None = None
    abandoned: bool = False
    """Whether nobody came in time to a customer who was called ahead of the agents."""

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        return Outcome.ABANDONED if self.abandoned else self.reaction.outcome

    @property
    def trunk(self) -> str:
        return "" if self.way is None else self.way.trunk


@dataclass(slots=True)
class Past:
    """What has been tried of a lead."""

    listed: DoNotCallList | None = None
    """The do-not-call list that the number is on."""
    listed_until: datetime | None = None
    asked_for: datetime | None = None
    """When the customer wants to be called, who has asked for it and was not called since."""
    attempts: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    dialed: list[Dialed] = field(default_factory=list)
    """What counts towards the limits, where there are any."""
    _congested: dict[str, datetime] = field(default_factory=dict)

    def on_list(self, now: datetime) -> DoNotCallList | None:
        """The list that it is on now."""
        return None if self.listed_until is not None and self.listed_until <= now else self.listed

    def uncongested(self, ways: Sequence[Route], since: datetime) -> Sequence[Route]:
        """The trunks that have not refused this lead since; all of them, if all have."""
        return [way for way in ways if self._congested.get(way.trunk, since) <= since] or ways

    def dial(self, call: Call, now: datetime, *, counts: bool) -> None:
        self.attempts += 1
        self.asked_for = None
        if counts:
            self.dialed.append(Dialed(call.lead.id, call.lead.number or "", now))

    def end(self, call: Call, now: datetime) -> None:
        self.outcomes[call.outcome] += 1
        if call.outcome is Outcome.CONGESTION:
            self._congested[call.trunk] = now
            if self.dialed:
                self.dialed.pop()
