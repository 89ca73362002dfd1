"""Dates and times as a CRM writes them: `YYYY-MM-DD hh:mm:ss` in the organisation's zone, or ISO 8601 with offset."""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final

_SHAPE: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|[+-]\d\d(:?\d\d)?))?", re.IGNORECASE | re.ASCII
)
_BASIC: Final = re.compile(r"\d{8}T\d{4}(\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(\d\d)?)", re.IGNORECASE | re.ASCII)
"""ISO 8601's basic format, always with an offset: local time is written as the vendor writes it."""
_LONGEST: Final = len("YYYY-MM-DD hh:mm:ss.123456789 +hh:mm")
_SECONDS: Final = len("YYYY-MM-DD hh:mm:ss")
_REMEMBERED: Final = 1_024
"""Moments that need not be read again: pushes of one second say the same, and so do records of one push."""
EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""A day from either end of the calendar, so that an instant can be written in every zone."""


def parse_moment(written: str, zone: tzinfo) -> datetime | None:
    """The instant in UTC, or None if it cannot be read; without an offset it is local time in `zone`.

    A local time that the clocks skip is read as if they had not; one that they repeat is its first (PEP 495).
    What lies beyond `LATEST` (CRMs write the end of the year 9999 for "never") is that.
    """
    written = written.strip()
    return _parsed(written, zone) if len(written) <= _LONGEST else None


@lru_cache(_REMEMBERED)
def _parsed(written: str, zone: tzinfo) -> datetime | None:
    if _SHAPE.fullmatch(written):
        written = f"{written[:10]}T{written[11:].replace(' ', '')}"
    elif not _BASIC.fullmatch(written):
        return None
    try:
        moment = datetime.fromisoformat(written.replace(",", ".").upper())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return min(max(moment.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        return EARLIEST if moment.year == 1 else LATEST


def write_moment(moment: datetime, zone: tzinfo) -> str:
    """An instant as the vendor writes it, in `zone`."""
    return _written(moment.replace(microsecond=0), zone)


@lru_cache(_REMEMBERED)
def _written(second: datetime, zone: tzinfo) -> str:
    return second.astimezone(zone).isoformat(" ")[:_SECONDS]
