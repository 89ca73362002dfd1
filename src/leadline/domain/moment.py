"""Dates and times as a CRM writes them: `YYYY-MM-DD hh:mm:ss` in the organisation's zone, or ISO 8601 with an offset."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

_SHAPE: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE | re.ASCII
)


def parse_moment(written: str, zone: tzinfo) -> datetime | None:
    """The instant in UTC, or None if it cannot be read; without an offset it is local time in `zone`.

    A local time that the clocks skip is read as if they had not; one that they repeat is its first (PEP 495).
    """
    written = written.strip()
    if not _SHAPE.fullmatch(written):
        return None
    try:
        moment = datetime.fromisoformat(written.upper().replace(",", "."))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def write_moment(moment: datetime, zone: tzinfo) -> str:
    """An instant as the vendor writes it, in `zone`."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
