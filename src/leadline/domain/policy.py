"""What an organisation has decided: the values of its configuration that rules are made of, with their defaults.

Plain frozen data. `msgspec.json` writes and reads all of it, which is how the database keeps it; what has no
order of its own is kept sorted, so that the same configuration always makes the same JSON. No secret is here.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum
from typing import Final

from leadline.domain.vendor import REOPENING

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of a week in the order of `datetime.weekday()`."""


class Direction(StrEnum):
    """Who calls whom in a process."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"
    BLENDED = "blended"


class Mode(StrEnum):
    """Who speaks to the customer, and when an agent comes in."""

    MESSAGE = "message"
    PREVIEW = "preview"
    PROGRESSIVE = "progressive"
    PREDICTIVE = "predictive"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of local time from `opens` up to, not including, `closes`.

    It ends on the next day if `closes` is not after `opens`; `closes` at 00:00 is the end of the day.
    """

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class CallingHours:
    """When a recipient may be called, in the recipient's own time; each window belongs to the day it opens on.

    `days` holds seven tuples of windows, Monday's first; a day without windows is closed.
    """

    days: tuple[tuple[Window, ...], ...]


NINE_TO_NINE: Final = CallingHours(days=((Window(time(9), time(21)),),) * 7)
"""Calling hours where none are given: 09:00-21:00 every day."""


ANY_TIME: Final = CallingHours(days=((Window(time(), time()),),) * 7)
"""Hours that never close."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day of the recipient's calendar on which nobody is called."""

    date: date
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a process works, in the organisation's `timezone`: from the day `begins` to the day `ends`, both taken.

    No `hours`: at any time of those days.
    """

    timezone: str
    begins: date | None = None
    ends: date | None = None
    hours: CallingHours | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """The most attempts of one local day, and of seven local days one after the other; None: as many as there are."""

    day: int | None = None
    week: int | None = None

    def __bool__(self) -> bool:
        return self.day is not None or self.week is not None


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one lead and one number may be tried; a number's attempts count in all processes of its organisation.

    `gap` is the least time from the beginning of one attempt to a number to that of the next.
    """

    per_lead: Limit = Limit()
    per_number: Limit = Limit()
    gap: timedelta | None = None

    def __bool__(self) -> bool:
        return bool(self.per_lead or self.per_number) or self.gap is not None


@dataclass(frozen=True, slots=True)
class RetryRule:
    """Dial again `after` the end of the attempt, `times` in all after the first attempt."""

    after: timedelta
    times: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What follows each outcome that is worth another attempt; None: nothing, the lead closes.

    `max_attempts` bounds the attempts of one opening, whatever their outcomes.
    """

    busy: RetryRule | None = RetryRule(timedelta(minutes=10), 3)
    no_answer: RetryRule | None = RetryRule(timedelta(minutes=30), 3)
    failed: RetryRule | None = RetryRule(timedelta(minutes=5), 2)
    unknown: RetryRule | None = None
    max_attempts: int = 6


@dataclass(frozen=True, slots=True)
class PrefixRule:
    """How a trunk wants numbers written.

    `international` None: calls abroad are refused. `national` None: home numbers are written as abroad.
    """

    home_region: str
    international: str | None = None
    national: str | None = None


@dataclass(frozen=True, slots=True)
class SpeechChoice:
    """Which engine makes the audio, in which language (BCP 47) where the lead has none, in which voice."""

    engine: str = "espeak"
    language: str = "en"
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What a process declares of a node of its records; `type` is text, number, date, email or phone."""

    name: str
    type: str = "text"
    label: str | None = None
    required: bool = False
    max_length: int | None = None


class Fallback(StrEnum):
    """Who calls a customer back whose agent is still away after the grace time."""

    WAIT = "wait"
    ANY = "any"
    SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class AgentRules:
    """How a process works with its agents."""

    offer_timeout: timedelta = timedelta(seconds=30)
    """How long an agent may think over a lead before it is offered to the next."""
    wrap_up: timedelta = timedelta()
    """How long an agent is left alone after a call."""
    callback_grace: timedelta = timedelta(minutes=15)
    """How long past its time a callback waits for its agent alone."""
    callback_fallback: Fallback = Fallback.WAIT


@dataclass(frozen=True, slots=True)
class PacingRules:
    """How far a predictive process may dial ahead of its agents."""

    abandonment_cap: float = 0.03
    """Share of the customers who answer that may find nobody, over 30 days; 0 is one call for each ready agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPolicy:
    """All that intake, prompts and calling go by in a process."""

    servicekey: str
    region: str
    """ISO 3166 country in which its numbers are read."""
    direction: Direction = Direction.OUTBOUND
    mode: Mode = Mode.MESSAGE
    crm_unique_field: str = "leadnumber"
    users: tuple[str, ...] = ()
    flow: str | None = None
    speech: SpeechChoice | None = None
    trunks: tuple[str, ...] = ()
    """Names of trunks, in the order in which they are tried; none named: every trunk there is."""
    caller_id: str | None = None
    calling_hours: CallingHours | None = NINE_TO_NINE
    """None: at any time."""
    holidays: tuple[Holiday, ...] = ()
    """Sorted by date, each date once."""
    schedule: Schedule | None = None
    """None: the process works at any time."""
    limits: Limits = Limits()
    retry: RetryPolicy = RetryPolicy()
    reopen: tuple[int, ...] = tuple(int(calltype) for calltype in REOPENING)
    """Call types whose push opens a closed lead again, sorted."""
    ring_timeout: timedelta = timedelta(seconds=30)
    agents: AgentRules = AgentRules()
    pacing: PacingRules = PacingRules()
    fields: tuple[FieldRule, ...] = ()
    spoken: tuple[str, ...] = ()
    """What the flow's templates name of a lead, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPolicy:
    """All that dialing over a trunk goes by, but its password, which stays in memory."""

    name: str
    uri: str
    """The request URI with `{number}` where the dial string goes."""
    engine: str = "embedded"
    username: str | None = None
    transport: str = "udp"
    codecs: tuple[str, ...] = ("pcma", "pcmu")
    prefix: PrefixRule | None = None
    numbers: tuple[str, ...] = ()
    """What the numbers that it carries begin with, as E.164, sorted; none named: any."""
    number_types: tuple[str, ...] = ()
    """Costly number types (premium_rate, shared_cost, satellite) that may be dialed here, sorted."""
    channels: int = 10
    """Calls up at any moment."""
    cps: int = 5
    """INVITEs in any sliding second."""
    register: bool = False
    """Whether we register with it: until it has taken that, nothing is dialed over it."""
    options: bool = True
    """Whether it is asked by OPTIONS now and then whether it is there."""
    secured: bool = False
    """Whether the trunk has a password; where that is not known, nothing is dialed over it."""
