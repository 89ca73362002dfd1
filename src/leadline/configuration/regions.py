"""The country of a time zone, by the tables of the tzdata package."""

from functools import cache
from importlib import resources

import phonenumbers


def country_of(zone: str) -> str | None:
    """The ISO 3166 country in which a zone's city lies, if it is in one that has telephone numbers."""
    country = _countries().get(_links().get(zone, zone)) or _countries().get(zone)
    return country if country in phonenumbers.SUPPORTED_REGIONS else None


def _rows(table: str) -> list[list[str]]:
    text = resources.files("tzdata").joinpath("zoneinfo", table).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@cache
def _countries() -> dict[str, str]:
    """Country by zone: the area's own (`zone.tab`), else the first, most populous one of a shared zone."""
    shared = {row[2]: row[0].split(",")[0] for row in _rows("zone1970.tab")}
    return shared | {row[2]: row[0] for row in _rows("zone.tab")}


@cache
def _links() -> dict[str, str]:
    """What an old name of a zone is called now, for those that no table lists."""
    text = resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text("utf-8")
    pairs = (line.split() for line in text.splitlines() if line.startswith("L "))
    return {alias: zone for _, zone, alias in pairs if alias not in _countries()}
