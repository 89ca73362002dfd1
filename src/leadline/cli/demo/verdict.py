"""Whether the demo did what it says: nothing is printed as done that was not seen at the customer's end."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from leadline.cli.demo.story import DISPOSITION, Customer
from leadline.telephony.engine import Pcm
from leadline.telephony.phone.ear import speech_seconds
from leadline.telephony.phone.heard import HeardCall

LEAST_SPEECH: Final = 1.5
"""Seconds of speech that every customer hears at least: the shortest greeting, cut short by a key, has more."""


def faults(
    customer: Customer, lead: Mapping[str, Any], timeline: Sequence[Mapping[str, Any]], calls: Sequence[HeardCall]
) -> Iterator[str]:
    """Whatever went otherwise than it should have for one customer."""
    if len(calls) != 1:
        yield f"the phone got {len(calls)} INVITEs, not one"
        return
    call, attempts = calls[0], lead["attempts"]
    if (lead["state"], lead["closed_reason"]) != ("closed", "completed"):
        yield f"the lead is {lead['state']} ({lead['closed_reason']}), not closed (completed)"
    if [attempt["id"] for attempt in attempts] != [call.attempt_id]:
        yield "the attempt in the database is not the one that rang"
        return
    attempt = attempts[0]
    if (attempt["digits"], attempt["disposition"]) != ("1", DISPOSITION) or call.pressed != "1":
        yield f"pressed {call.pressed!r}, taken {attempt['digits']!r}, disposition {attempt['disposition']!r}"
    if attempt["dial_string"] != customer.dialed:
        yield f"the trunk was sent {attempt['dial_string']}, not {customer.dialed}"
    kinds = [event["kind"] for event in timeline]
    waited, ready = "lead.awaiting_prompt", "lead.prompts_ready"
    if waited not in kinds or ready not in kinds or kinds.index(waited) > kinds.index(ready):
        yield "the lead did not wait for its speech at 10500"
    if kinds.count("lead.closed") != 1:
        yield f"{kinds.count('lead.closed')} terminal events, not one"
    if (heard := speech_seconds(call.heard)) < LEAST_SPEECH:
        yield f"only {heard:.1f} s of speech were heard"


def alike(heard: Mapping[str, Pcm]) -> Iterator[str]:
    """Languages in which the same was heard."""
    names = list(heard)
    for position, first in enumerate(names):
        for second in names[position + 1 :]:
            if heard[first] == heard[second]:
                yield f"{first} and {second} heard the same"
