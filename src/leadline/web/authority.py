"""Who asks: the organisation whose API key is the bearer token (RFC 6750)."""

from starlette.requests import Request

from leadline.store.catalogue import Catalogue, Organisation
from leadline.web.problems import Refused


def organisation_of(request: Request, catalogue: Catalogue) -> Organisation:
    """The organisation of the request's key; raises Refused with 401."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    organisation = catalogue.organisation_of(key.strip()) if scheme.lower() == "bearer" else None
    if organisation is None:
        raise Refused(
            401,
            "api_key_not_found",
            "send the organisation's API key: Authorization: Bearer KEY",
            field="authorization",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return organisation
