"""One event of a timeline as one line of text."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_FRAME: Final = frozenset({"id", "at", "kind", "lead_id", "opening", "seq", "attempt", "call_id"})
"""What every event has, or what says nothing to a person."""


def line_of(event: Mapping[str, Any]) -> str:
    """`12:00:05.123  attempt.digit  digit 1, node ask`."""
    at = event["at"]
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    details = ", ".join(
        f"{name} {_text(value)}" for name, value in event.items() if name not in _FRAME and value not in (None, "", [])
    )
    return f"{moment.astimezone(UTC):%H:%M:%S.%f}"[:-3] + f"  {event['kind']:<24}{details}"


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
