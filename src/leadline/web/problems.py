"""Refusals as problem documents (RFC 9457): what is wrong, with which field, and what would mend it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from leadline.domain.errors import LeadlineError

log = structlog.get_logger()

RETRY_AFTER = {"Retry-After": "1"}
MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """A request that is not served: its HTTP status, a stable code, the field, and a sentence with the remedy.

    `errors` lists what is wrong where that is more than one thing, or has more to it; `beside` is what else is said.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        beside: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.field, self.headers = status, code, detail, field, headers
        self.errors, self.beside = errors, beside or {}


TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    500: "Internal server error",
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
    if refused.errors:
        document["errors"] = refused.errors
    document |= refused.beside
    return Response(
        msgspec.json.encode(document),
        refused.status,
        media_type=MEDIA_TYPE,
        headers=dict(refused.headers or {}),
    )


async def answer_refused(_: Request, error: Exception) -> Response:
    """A request that is not served."""
    assert isinstance(error, Refused)  # noqa: S101  (Starlette hands over what it was registered for)
    return problem(error)


async def answer_unavailable(_: Request, error: Exception) -> Response:
    """PostgreSQL is away, or too much is under way: the same request may be sent again."""
    assert isinstance(error, LeadlineError)  # noqa: S101  (as above)
    return problem(Refused(503, error.code, str(error), headers=RETRY_AFTER))


async def answer_invalid(_: Request, error: Exception) -> Response:
    """A parameter that cannot be read; the first is named."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  (as above)
    first = error.errors()[0]
    where = str(first["loc"][-1])
    return problem(Refused(400, "invalid_parameter", f"{where}: {first['msg']}", field=where))


async def answer_http(request: Request, error: Exception) -> Response:
    """No such address, or no such method there."""
    assert isinstance(error, HTTPException)  # noqa: S101  (as above)
    headers = {"Allow": _allowed(request)} if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return problem(Refused(error.status_code, "http", error.detail, headers=headers))


def _allowed(request: Request) -> str:
    """The methods of an address: each may be a route of its own, and the one that refused knows none of the others."""
    there = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in there for method in getattr(route, "methods", None) or ()}))


async def answer_crashed(_: Request, error: Exception) -> Response:
    """A fault of ours: logged with the request's id, which the caller has too."""
    log.error("a request failed", exc_info=error)
    return problem(
        Refused(500, "internal_error", "a fault of Leadline's: report it with the X-Request-Id of this answer")
    )
