"""Refusals as problem documents (RFC 9457): what is wrong, with which field, and what would mend it."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from leadline.domain.errors import DatabaseUnavailable

RETRY_AFTER = {"Retry-After": "1"}


class Refused(Exception):
    """A request that is not served: its HTTP status, a stable code, the field, and a sentence with the remedy."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.field, self.headers = status, code, detail, field, headers


TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    413: "Content too large",
    415: "Unsupported media type",
    503: "Service unavailable",
}


def problem(refused: Refused) -> Response:
    """The answer to a refused request."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(refused.status, "Error"),
        "status": refused.status,
        "detail": refused.detail,
        "code": refused.code,
    }
    if refused.field is not None:
        document["field"] = refused.field
    return Response(
        msgspec.json.encode(document),
        refused.status,
        media_type="application/problem+json",
        headers=dict(refused.headers or {}),
    )


async def answer_refused(_: Request, error: Exception) -> Response:
    """A request that is not served."""
    assert isinstance(error, Refused)  # noqa: S101  (Starlette hands over what it was registered for)
    return problem(error)


async def answer_unavailable(_: Request, error: Exception) -> Response:
    """PostgreSQL is away: the same request may be sent again."""
    return problem(Refused(503, DatabaseUnavailable.code, str(error), headers=RETRY_AFTER))


async def answer_invalid(_: Request, error: Exception) -> Response:
    """A parameter that cannot be read; the first is named."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  (as above)
    first = error.errors()[0]
    where = str(first["loc"][-1])
    return problem(Refused(400, "invalid_parameter", f"{where}: {first['msg']}", field=where))


async def answer_http(_: Request, error: Exception) -> Response:
    """No such address, or no such method there."""
    assert isinstance(error, HTTPException)  # noqa: S101  (as above)
    return problem(Refused(error.status_code, "http", error.detail, headers=error.headers))
