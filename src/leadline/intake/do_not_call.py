"""Do-not-call lists as they are kept by hand: numbers in any spelling onto a list and off it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from leadline.domain.do_not_call import Listing
from leadline.domain.errors import LeadlineError
from leadline.domain.phone import parse_number
from leadline.store.catalogue import Catalogue, Process

ABROAD: Final = "ZZ"
"""No region: numbers need their country code."""


class NoNumber(LeadlineError):
    """What was written is no telephone number where it was written: it needs its country code, or is wrong."""

    code = "invalid_number"


@dataclass(frozen=True, slots=True)
class Place:
    """A list, and the region in which its numbers are read."""

    organisation_id: int
    process_id: int | None
    region: str

    def listing(self, written: str, expires_at: datetime | None = None, reason: str | None = None) -> Listing:
        """A number as it stands on the list; raises NoNumber."""
        number = parse_number(written, self.region)
        if number is None:
            where = f"in {self.region}" if self.region != ABROAD else "without a country code"
            raise NoNumber(f"{written[:64]!r} is no valid number {where}: write + and the country code first")
        return Listing(number.e164, self.process_id, expires_at, reason)


def place_of(known: Catalogue, organisation_id: int, process: Process | None) -> Place:
    """The list of a process, or of the organisation: its numbers are read in the one region that all processes have."""
    if process is not None:
        return Place(organisation_id, process.id, process.policy.region)
    regions = {each.policy.region for each in known.readable(organisation_id)}
    return Place(organisation_id, None, regions.pop() if len(regions) == 1 else ABROAD)
