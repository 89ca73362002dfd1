"""A lead that has changed is told by events, and both are written together: here they are put together."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from leadline.domain.events import Event, EventKind
from leadline.domain.lead import Lead

Said = tuple[EventKind, Mapping[str, Any]]
"""What an event is to say: its kind and its data."""


class Told(NamedTuple):
    """A lead as it is now, and the events that tell of it, each with its `seq`; the lead's `events` counts them."""

    lead: Lead
    events: Sequence[tuple[int, Event]]


def told(lead: Lead, now: datetime, *said: Said) -> Told:
    """A lead that changes now, with its events in the order in which they are said."""
    counted = lead.but(events=lead.events + len(said), updated_at=now)
    return Told(counted, numbered(counted, now, said))


def numbered(lead: Lead, now: datetime, said: Sequence[Said]) -> list[tuple[int, Event]]:
    """The events of a lead whose `events` counts them already, each with its `seq`."""
    first = lead.events - len(said) + 1
    return [
        (seq, Event(lead.organisation_id, lead.id, lead.opening, now, kind, data))
        for seq, (kind, data) in enumerate(said, first)
    ]
