"""How much one caller may ask: unknown keys of one address, and requests of one key; counted in this process."""

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from leadline.clock import Clock

MINUTE: Final = timedelta(minutes=1)
UNKNOWN_KEYS: Final = 20
"""Unknown keys a minute that one address may try."""
ADDRESSES: Final = 10_000
"""Addresses that are remembered; beyond, the one that has been quiet longest is forgotten."""
IPV6_SITE: Final = 64
"""Bits that one subscriber's IPv6 addresses share: whoever has one has them all."""


class UnknownKeys:
    """Who tries keys that nobody has: up to 20 in any minute are answered, more are not even looked at.

    Ask `refused` once a key has proven unknown; a good key is never held up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tried: OrderedDict[str, deque[datetime]] = OrderedDict()

    def refused(self, address: str) -> float | None:
        """Seconds after which this address may try another unknown key; None if it may now."""
        tried = self._tried.get(_site(address))
        if tried is None or len(tried) < UNKNOWN_KEYS:
            return None
        left = (tried[0] + MINUTE - self._clock.now()).total_seconds()
        return left if left > 0 else None

    def note(self, address: str) -> None:
        """Count an unknown key that was tried from there, and answered."""
        site = _site(address)
        self._tried.setdefault(site, deque(maxlen=UNKNOWN_KEYS)).append(self._clock.now())
        self._tried.move_to_end(site)
        if len(self._tried) > ADDRESSES:
            self._tried.popitem(last=False)


def _site(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    return str(known.ipv4_mapped or int(known) >> (128 - IPV6_SITE))


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


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: datetime


class RateLimit:
    """So many requests a second for each key, a second's worth at once; 0 is no limit."""

    def __init__(self, clock: Clock, per_second: int) -> None:
        self._clock, self._per_second = clock, per_second
        self._buckets: dict[Hashable, _Bucket] = {}

    def take(self, key: Hashable) -> Allowance | None:
        """Count a request of a key that is known; None if there is no limit."""
        limit = self._per_second
        if limit == 0:
            return None
        now = self._clock.now()
        bucket = self._buckets.setdefault(key, _Bucket(limit, now))
        passed = max(0.0, (now - bucket.filled).total_seconds())
        bucket.tokens, bucket.filled = min(float(limit), bucket.tokens + passed * limit), now
        granted = bucket.tokens >= 1
        if granted:
            bucket.tokens -= 1
        return Allowance(
            granted=granted,
            limit=limit,
            remaining=int(bucket.tokens),
            reset=ceil((limit - bucket.tokens) / limit),
            retry_after=0 if granted else max(1, ceil((1 - bucket.tokens) / limit)),
        )
