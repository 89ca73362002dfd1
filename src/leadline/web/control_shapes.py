"""What the addresses of control take and answer, as types: bodies are read through them, and openapi.json tells them.

That the answers have these shapes, the tests hold.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from leadline.calling.control import Cancelling
from leadline.domain.lead import LeadState
from leadline.domain.vendor import CallType
from leadline.web.shapes import Moment

LeadId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
MOST_IDS = 10_000


class Meant(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which leads are meant: those that are all of what is given. `servicekey` or `ids` must be."""

    servicekey: Annotated[str | None, Meta(description="Of this process.")] = None
    state: Annotated[LeadState | None, Meta(description="In this state.")] = None
    calltype: Annotated[CallType | None, Meta(description="Of this call type.")] = None
    ids: Annotated[Annotated[list[LeadId], Meta(max_length=MOST_IDS)] | None, Meta(description="Of these ids.")] = None
    created_after: Annotated[Moment | None, Meta(description="Pushed first after this.")] = None
    created_before: Annotated[Moment | None, Meta(description="Pushed first before this.")] = None
    dry_run: Annotated[bool, Meta(description="`true`: change nothing, and say how many would be.")] = False


class Reschedule(Meant, kw_only=True):
    """Which leads are to be called at another time, and when."""

    calldatetime: Annotated[Moment | None, Meta(description="When; left out or past, at once.")] = None


class Close(Meant):
    """Which leads are to be closed as `cancelled`."""


class BulkAnswer(Struct, forbid_unknown_fields=True):
    """How many leads were meant, and what became of them."""

    dry_run: bool
    matching: int
    changed: Annotated[int, Meta(description="Of a dry run: that would be.")]
    unchanged: Annotated[int, Meta(description="That are so already, or cannot be: not dialed, or expired by then.")]
    on_the_phone: Annotated[int, Meta(description="That are left alone, since they are being called.")]
    closed: Annotated[int, Meta(description="That are left alone, since they are closed.")]
    left: Annotated[int, Meta(description="That others held all the time: send the same again.")]


class CancelAnswer(Struct, forbid_unknown_fields=True):
    """What came of it: `hanging_up` where the lead is on the phone, and closed as soon as that is over."""

    id: int
    result: Cancelling


class ProcessAnswer(Struct, forbid_unknown_fields=True):
    """How the process stands now."""

    servicekey: str
    paused: bool
    stopped: bool
    hanging_up: Annotated[int, Meta(description="Calls that were up, and are being hung up.")]


class PacingStanding(Struct, forbid_unknown_fields=True):
    """What a predictive process dials ahead by, and what has come of it."""

    calls: Annotated[float, Meta(description="Calls that the averages are of, the recent ones.")]
    answer_rate: float
    ring: Annotated[float, Meta(description="Seconds until a phone is answered.")]
    handling: Annotated[float, Meta(description="Seconds of an agent for a customer, wrap-up included.")]
    answered: Annotated[int, Meta(description="Over 30 days, today among them.")]
    abandoned: Annotated[int, Meta(description="Of these, whom nobody spoke to in time.")]
    abandonment: Annotated[float, Meta(description="The share of these.")]
    abandonment_cap: Annotated[float, Meta(description="What it is never to pass.")]
    room: Annotated[int, Meta(description="How many more may be abandoned now.")]


class ProcessStanding(Struct, forbid_unknown_fields=True):
    """One process."""

    servicekey: str
    paused: bool
    stopped: bool
    waiting: Annotated[
        Mapping[str, Mapping[str, int]],
        Meta(description="Leads to be called, by state and call type; 10500 while their audio is made."),
    ]
    due_now: Annotated[int, Meta(description="Leads to be called or offered whose time has come.")]
    held: Annotated[Mapping[str, int], Meta(description="Waiting leads by the rule that delays them.")]
    calls: Annotated[int, Meta(description="Calls up.")]
    on_the_phone: Annotated[Mapping[str, int], Meta(description="Calls up, by the state of the attempt.")]
    estimated: Annotated[bool, Meta(description="Whether figures above 10,000 are estimates.")]
    pacing: Annotated[PacingStanding | None, Meta(description="Of a predictive process.")]


class Processes(Struct, forbid_unknown_fields=True):
    """The organisation's processes."""

    items: list[ProcessStanding]
