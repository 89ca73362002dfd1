"""Who asks, and whether they may: the key that is the bearer token (RFC 6750), its scopes and its allowance."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, NamedTuple

from leadline.store.catalogue import Catalogue, Organisation, key_hash
from leadline.store.keys import API_KEY, Scope
from leadline.web.headers import answer_with, header
from leadline.web.limits import RateLimit, UnknownKeys
from leadline.web.problems import Refused


class Caller(NamedTuple):
    """The organisation that asks, and the catalogue in which it was found."""

    organisation: Organisation
    known: Catalogue


class Guard:
    """Admits callers by their keys."""

    def __init__(self, catalogue: Callable[[], Catalogue], unknown: UnknownKeys, rate: RateLimit) -> None:
        self._catalogue, self._unknown, self._rate = catalogue, unknown, rate

    def admit(self, request: Mapping[str, Any], scope: Scope) -> Caller:
        """Who asks; raises Refused with 401, 403 or 429."""
        known = self._catalogue()
        scheme, _, written = header(request, b"authorization").partition(" ")
        key = written.strip() if scheme.lower() == "bearer" else ""
        digest = key_hash(key)
        organisation, scopes = _opened_by(known, digest)
        if organisation is None:
            if key:
                self.note_unknown(request)
            raise _no_key()
        self.spend(request, digest)
        if scope not in scopes:
            message = f"the key lacks the scope {scope}: use the organisation's API key, or a key that has it"
            raise Refused(403, "scope_missing", message, field="authorization")
        return Caller(organisation, known)

    def spend(self, request: Mapping[str, Any], digest: bytes) -> None:
        """Count a request of a known key; raises Refused with 429 if the key has none left."""
        allowance = self._rate.take(digest)
        if allowance is None:
            return
        answer_with(request, allowance.headers)
        if not allowance.granted:
            message = f"the key may ask {allowance.limit} times a second: ask again after Retry-After seconds"
            raise Refused(429, "rate_limited", message)

    def note_unknown(self, request: Mapping[str, Any]) -> None:
        """Count a key that nobody has; raises Refused with 429 if its address tries one after another."""
        client = request.get("client")
        address = client[0] if client else ""
        wait = self._unknown.refused(address)
        if wait is not None:
            message = "too many unknown keys from this address: wait Retry-After seconds, or send a key that is known"
            raise Refused(429, "too_many_unknown_keys", message, headers={"Retry-After": str(max(1, ceil(wait)))})
        self._unknown.note(address)


def _opened_by(known: Catalogue, digest: bytes) -> tuple[Organisation | None, frozenset[Scope]]:
    if (own := known.keys.get(digest)) is not None:
        return known.organisations[own], API_KEY
    grant = known.grants.get(digest)
    return (known.organisations.get(grant.organisation_id), grant.scopes) if grant else (None, frozenset())


def _no_key() -> Refused:
    return Refused(
        401,
        "api_key_not_found",
        "send the organisation's API key: Authorization: Bearer KEY",
        field="authorization",
        headers={"WWW-Authenticate": "Bearer"},
    )
