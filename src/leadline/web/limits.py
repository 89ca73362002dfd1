"""How much one caller may ask: unknown keys of one address, and requests of one key; counted by all web processes."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from leadline.clock import Clock
from leadline.web.shared_table import SharedTable

MINUTE: Final = timedelta(minutes=1)
UNKNOWN_KEYS: Final = 20
"""Unknown keys a minute that one address may try."""
ADDRESSES: Final = 10_000
"""Addresses that are remembered; beyond, one that has been quiet for long is forgotten."""
KEYS: Final = 20_000
"""API keys whose requests are counted."""
IPV6_SITE: Final = 64
"""Bits that one subscriber's IPv6 addresses share: whoever has one has them all."""


class UnknownKeys:
    """Who tries keys that nobody has: up to 20 in any minute are answered, more are not even looked at.

    Ask `refused` once a key has proven unknown; a good key is never held up.
    """

    WIDTH: Final = 1 + UNKNOWN_KEYS
    """Of its table: how many were tried, and when each of the last was."""

    def __init__(self, clock: Clock, table: SharedTable | None = None) -> None:
        self._clock = clock
        self._table = table or SharedTable.create(ADDRESSES, self.WIDTH)

    def refused(self, address: str) -> float | None:
        """Seconds after which this address may try another unknown key; None if it may now."""
        now = self._clock.now().timestamp()
        with self._table.row(_site(address), now) as (tried, *times):
            left = times[int(tried) % UNKNOWN_KEYS] + MINUTE.total_seconds() - now
        return left if tried >= UNKNOWN_KEYS and left > 0 else None

    def note(self, address: str) -> None:
        """Count an unknown key that was tried from there, and answered."""
        now = self._clock.now().timestamp()
        with self._table.row(_site(address), now) as row:
            row[1 + int(row[0]) % UNKNOWN_KEYS] = now
            row[0] += 1


def _site(address: str) -> bytes:
    try:
        known = ip_address(address)
    except ValueError:
        return address.encode()
    if isinstance(known, IPv6Address):
        return str(known.ipv4_mapped or int(known) >> (128 - IPV6_SITE)).encode()
    return address.encode()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left of its requests."""

    granted: bool
    limit: int
    remaining: int
    reset: int
    """Seconds until all of `limit` is there again."""
    retry_after: int
    """Seconds until the next request is granted; 0 if it is now."""

    @property
    def headers(self) -> dict[str, str]:
        """The allowance as the IETF draft writes it (draft-ietf-httpapi-ratelimit-headers)."""
        told = {
            "RateLimit-Policy": f'"key";q={self.limit};w=1',
            "RateLimit": f'"key";r={self.remaining};t={self.reset}',
        }
        return told if self.granted else told | {"Retry-After": str(self.retry_after)}


class RateLimit:
    """So many requests a second for each key, a second's worth at once; 0 is no limit."""

    WIDTH: Final = 2
    """Of its table: the requests that were left, and when."""

    def __init__(self, clock: Clock, per_second: int, table: SharedTable | None = None) -> None:
        self._clock, self._per_second = clock, per_second
        self._table = table or SharedTable.create(KEYS, self.WIDTH)

    def take(self, key: bytes) -> Allowance | None:
        """Count a request of a key that is known; None if there is no limit."""
        limit = self._per_second
        if limit == 0:
            return None
        now = self._clock.now().timestamp()
        with self._table.row(key, now) as row:
            left, at = row if row[1] else (float(limit), now)
            left = min(float(limit), left + max(0.0, now - at) * limit)
            granted = left >= 1
            row[0], row[1] = left - granted, now
        left -= granted
        return Allowance(
            granted=granted,
            limit=limit,
            remaining=int(left),
            reset=ceil((limit - left) / limit),
            retry_after=0 if granted else max(1, ceil((1 - left) / limit)),
        )
