"""Telephone numbers: what was written in, E.164 out, with what must be known before one is dialed.

Validity is libphonenumber's for the process's region, after the trunk prefixes people write (`+`, `00`, `0`)
are understood. Zones of a number come from the reference implementation's table, since the fast one has none.
"""

from enum import IntEnum
from functools import lru_cache
from typing import Final
from unicodedata import decimal

from msgspec import Struct
from phonenumbers.phonenumberutil import is_number_type_geographical
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX
from rphonenumbers import NumberParseException, national_significant_number, number_type, parse, region_code_for_number

LONGEST: Final = 64
"""Characters of a number that are looked at; no telephone number is longer, however it is written."""

SATELLITE_CODES: Final = frozenset({870, 881, 882, 883})
"""Country codes of satellite and international networks (ITU-T E.164, list of assigned codes)."""


class NumberType(IntEnum):
    """libphonenumber's number types."""

    FIXED_LINE = 0
    MOBILE = 1
    FIXED_LINE_OR_MOBILE = 2
    TOLL_FREE = 3
    PREMIUM_RATE = 4
    SHARED_COST = 5
    VOIP = 6
    PERSONAL_NUMBER = 7
    PAGER = 8
    UAN = 9
    VOICEMAIL = 10
    SATELLITE = 90
    """Ours: libphonenumber calls these mobile or VoIP."""
    UNKNOWN = 99

    @property
    def is_costly(self) -> bool:
        """Whether calling it costs more than a call: never dialed unless a trunk lists the type."""
        return self in _COSTLY


_COSTLY: Final = frozenset({NumberType.PREMIUM_RATE, NumberType.SHARED_COST, NumberType.SATELLITE})


class Number(Struct, frozen=True):
    """A valid number; `national` is its national significant number."""

    e164: str
    country_code: int
    national: str
    region: str
    """ISO 3166 country, `001` where a number belongs to none."""
    type: NumberType


def parse_number(written: str, region: str) -> Number | None:
    """The number that was meant, or None if there is no such number in `region` or abroad."""
    written = written.strip()
    if not written or len(written) > LONGEST:
        return None
    if (known := _known.get((written, region))) is not None:
        return known
    number = _valid(written, region)
    if number is None and written.startswith("00"):
        # `00` means abroad to most of the world, though not to libphonenumber in regions that dial 011 or 0011.
        number = _valid("+" + written[2:], region)
    if number is not None:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[number.e164, region] = number
    return number


MOST_KNOWN: Final = 10_000
_known: Final[dict[tuple[str, str], "Number"]] = {}
"""Numbers by their E.164, under which they are read again: by the rules, by the dialer, by the next push."""


def _valid(written: str, region: str) -> Number | None:
    try:
        parsed = parse(written, region)
    except (NumberParseException, UnicodeEncodeError):
        return None
    kind = _TYPES[number_type(parsed)]
    if kind is NumberType.UNKNOWN:  # as libphonenumber says of every number that is not valid, and of no other
        return None
    country_code, national = parsed.country_code, national_significant_number(parsed)
    return Number(
        e164=f"+{country_code}{national}",
        country_code=country_code,
        national=national,
        region=region_code_for_number(parsed) or "001",
        type=NumberType.SATELLITE if country_code in SATELLITE_CODES else kind,
    )


_TYPES: Final = {int(kind): kind for kind in NumberType}


def number_key(written: str, region: str) -> str:
    """What identifies a customer by telephone: E.164 if valid, else the digits; empty if there are none."""
    number = parse_number(written, region)
    return number.e164 if number else digits_of(written)


def digits_of(written: str) -> str:
    """What identifies a customer whose number is not valid: its digits, in any script, as 0 to 9."""
    return "".join(str(decimal(c)) for c in written if c.isdecimal())


@lru_cache(maxsize=65_536)
def zones_of(e164: str) -> tuple[str, ...]:
    """Every time zone the owner of a number may be in, as IANA names; empty if nothing is known.

    They are those of the longest prefix in libphonenumber's table: of the number where it is of one place, else of its
    country.
    """
    number = parse_number(e164, "")
    if number is None:
        return ()
    placed = is_number_type_geographical(number.type, number.country_code)
    digits = e164[1:] if placed else str(number.country_code)
    prefixes = (digits[:length] for length in range(min(len(digits), TIMEZONE_LONGEST_PREFIX), 0, -1))
    zones = next((TIMEZONE_DATA[prefix] for prefix in prefixes if prefix in TIMEZONE_DATA), ())
    return tuple(zone for zone in zones if zone != "Etc/Unknown")
