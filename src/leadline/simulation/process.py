"""One process of a simulated day, with all that is its own."""

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from leadline.calling.ticket import to_agent
from leadline.domain.abandonment import to_whoever_is_free
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.flow import Flow
from leadline.domain.lead import Lead, LeadState
from leadline.domain.policy import Mode, ProcessPolicy
from leadline.domain.vendor import CallType, Media
from leadline.simulation.call import Past
from leadline.simulation.customers import MOST, Customers
from leadline.simulation.desk import Desk, Tell
from leadline.simulation.pace import Pace
from leadline.simulation.people import Arrivals, Numbers, People
from leadline.simulation.scenario import Part, Scenario
from leadline.simulation.tally import Tally
from leadline.simulation.timeline import Timeline
from leadline.simulation.way import UNTOLD, Way

RESERVING: Final = frozenset({Mode.PREVIEW, Mode.PROGRESSIVE})
"""Modes in which each call has its agent before the phone rings."""


@dataclass(frozen=True, slots=True)
class Process:
    """Its rules, its agents, its customers."""

    number: int
    part: Part
    policy: ProcessPolicy
    way: Way
    customers: Customers
    people: People
    desk: Desk
    pace: Pace
    tally: Tally
    arrivals: dict[CallType, Arrivals]
    past: dict[int, Past]
    """What was tried of each lead."""

    @property
    def mode(self) -> Mode:
        return self.part.mode

    @property
    def reserves(self) -> bool:
        return self.part.mode in RESERVING

    @property
    def room(self) -> int | None:
        """How many calls its agents allow; None is as many as the trunks take."""
        return self.pace.room(self.desk.floor)

    def past_of(self, lead: Lead) -> Past:
        past = self.past.get(lead.id)
        if past is None:
            named = lead.number in self.part.do_not_call
            listed = DoNotCallList.ORGANISATION if named else self.customers.listed(lead.id)
            past = self.past[lead.id] = Past(listed)
        return past


def process_of(scenario: Scenario, number: int, line: Timeline, numbers: Numbers, tell: Tell) -> Process:
    """The process that has the part of this number, from 1 on."""
    part, model, seed = scenario.parts[number - 1], scenario.model, scenario.seed
    # The first is as if it were alone, whoever else there is.
    own = seed * MOST + number - 1 if number > 1 else seed
    pushed = {} if part.taken_along else model.pushed
    return Process(
        number=number,
        part=part,
        policy=replace(part.policy, mode=part.mode),
        way=Way(_flow(part), part.policy.speech, _anybody(scenario.begins), model),
        customers=Customers(model, seed, part.policy.ring_timeout),
        people=People(numbers, number, part.organisation, (number - 1) * MOST + 1),
        desk=Desk(part.agents, model, line, Random(own), tell),  # noqa: S311  (a simulation is to be repeatable)
        pace=Pace(part.mode, part.policy.pacing.abandonment_cap, line),
        tally=Tally(),
        arrivals={
            calltype: Arrivals(rates, part.zone, line, Random(own * MOST + calltype))  # noqa: S311  (the same)
            for calltype, rates in pushed.items()
        },
        past={},
    )


def _flow(part: Part) -> Flow:
    if part.mode in RESERVING:
        return to_agent("reserved", part.policy.servicekey)
    if part.flow is not None:
        return part.flow
    return to_whoever_is_free(part.policy.servicekey, {"": ""}) if part.mode is Mode.PREDICTIVE else UNTOLD


def _anybody(now: datetime) -> Lead:
    """Whom prompts speak to: nothing is known of them."""
    return Lead(
        organisation_id=1,
        id=0,
        process_id=1,
        media=int(Media.VOICE_OUT),
        calltype=int(CallType.FRESH),
        state=LeadState.SCHEDULED,
        scheduled_by=now,
        created_at=now,
        updated_at=now,
    )
