"""openapi.json (OpenAPI 3.1): parameters as the routes read them, schemas from `shapes.py`, refusals by status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from leadline import __version__
from leadline.web import agent_shapes, control_shapes, do_not_call_shapes, shapes
from leadline.web.problems import MEDIA_TYPE
from leadline.web.push import EXPLAIN, PUSH

INTRODUCTION: Final = """\
A lead is pushed, and the right phone rings at the right moment, once.

Send the organisation's API key: `Authorization: Bearer KEY`. Every refusal is a problem document (RFC 9457) whose
`detail` says what to do. Every answer has an `X-Request-Id`: your own, if you send one."""

REFUSALS: Final = {
    400: "The request cannot be read: `field` names the parameter; of malformed JSON, `errors` line and column.",
    401: "There is no bearer token, or nobody has that key.",
    403: "The key lacks the scope.",
    404: "The organisation has no such lead, or no such process.",
    408: "The body was not here in time: send it faster, or in several requests.",
    409: "A request with this `Idempotency-Key` is still running: send it again after `Retry-After` seconds. "
    "Of agents: it cannot be done now, and `detail` says why.",
    413: "The body is larger than the limit: push the records in several requests.",
    415: "The body is not JSON by its content type.",
    422: "Nothing was accepted: a field is wrong, or every record is; `errors` says which.",
    429: "Too many requests of this key, or too many unknown keys from this address: wait `Retry-After` seconds.",
    503: "The database is away, or too much is in flight: nothing was stored; send the same again after `Retry-After`.",
}
_WAITING: Final = frozenset({409, 429, 503})
_READ: Final = (400, 401, 403, 429, 503)
_WRITTEN: Final = (400, 401, 403, 408, 409, 413, 415, 422, 429, 503)


@dataclass(frozen=True, slots=True)
class Operation:
    """What an address answers: the type of its 200, and the statuses of its refusals; and what it takes."""

    answer: type
    refusals: tuple[int, ...] = _READ
    body: type | None = None


READ: Final = {
    "/v1/leads": Operation(shapes.LeadPage, (*_READ, 404)),
    "/v1/leads/{lead_id}": Operation(shapes.Lead, (*_READ, 404)),
    "/v1/leads/{lead_id}/timeline": Operation(shapes.Timeline, (*_READ, 404)),
    "/v1/leads/{lead_id}/explain": Operation(shapes.LeadExplanation, (*_READ, 404)),
    "/v1/push-log": Operation(shapes.PushLogPage, (*_READ, 404)),
    "/v1/events": Operation(shapes.EventPage),
    "/v1/trunks": Operation(shapes.Trunks),
    "/v1/processes": Operation(control_shapes.Processes),
    "/v1/agents": Operation(agent_shapes.Agents),
    "/v1/agents/{login}/offers": Operation(agent_shapes.Offers, (*_READ, 404)),
    "/v1/do-not-call": Operation(do_not_call_shapes.DoNotCallPage, (*_READ, 404)),
}
_TOLD: Final = (*_READ, 404)
_BULK: Final = (*_WRITTEN, 404)
TOLD: Final = {
    "/v1/processes/{servicekey}:pause": Operation(control_shapes.ProcessAnswer, _TOLD),
    "/v1/processes/{servicekey}:resume": Operation(control_shapes.ProcessAnswer, _TOLD),
    "/v1/processes/{servicekey}:stop": Operation(control_shapes.ProcessAnswer, _TOLD),
    "/v1/leads/{lead_id}:cancel": Operation(control_shapes.CancelAnswer, _TOLD),
    "/v1/leads:reschedule": Operation(control_shapes.BulkAnswer, _BULK, control_shapes.Reschedule),
    "/v1/do-not-call": Operation(do_not_call_shapes.DoNotCallAnswer, _BULK, do_not_call_shapes.DoNotCall),
    "/v1/leads:close": Operation(control_shapes.BulkAnswer, _BULK, control_shapes.Close),
    "/v1/agents/{login}/presence": Operation(agent_shapes.AgentAnswer, _BULK, agent_shapes.Wish),
    "/v1/leads/{lead_id}/dial": Operation(agent_shapes.WordAnswer, _BULK, agent_shapes.Word),
    "/v1/leads/{lead_id}/skip": Operation(agent_shapes.WordAnswer, _BULK, agent_shapes.Word),
}
"""What is told by POST."""
REMOVED: Final = {"/v1/do-not-call": Operation(do_not_call_shapes.DoNotCallRemoved, (*_TOLD, 422))}
"""What is taken away by DELETE."""
_TYPES: Final = (
    shapes.Push, shapes.PushAnswer, shapes.TrialAnswer, shapes.Problem, shapes.Readiness,
    *(operation.answer for operation in (*READ.values(), *TOLD.values(), *REMOVED.values())),
    *(operation.body for operation in TOLD.values() if operation.body is not None),
)  # fmt: skip

PUSH_EXAMPLE: Final = {
    "servicekey": "VoiceProcess",
    "media": 12,
    "updateparam": "mobilenumber",
    "records": [{"mobilenumber": "09820012345", "fname": "Suvarna", "calltype": 5, "language": "mr"}],
}
_MEANT: Final[Mapping[str, Any]] = {"servicekey": "VoiceProcess", "calltype": 1001, "dry_run": True}
EXAMPLES: Final[Mapping[type, Any]] = {
    control_shapes.Reschedule: {**_MEANT, "calldatetime": "2026-11-26 10:00:00"},
    control_shapes.Close: _MEANT,
    do_not_call_shapes.DoNotCall: {"numbers": ["09820012345"], "reason": "asked by letter"},
    agent_shapes.Wish: {"presence": "ready"},
    agent_shapes.Word: {"login": "asha@acme.example"},
}
"""What may be sent as a body."""
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Names the push: sent again within 24 h, the same push is given the stored answer.",
    "schema": {"type": "string", "maxLength": 255},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}


def describe(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """The document, for an application with these routes."""
    read = [route for route in routes if isinstance(route, APIRoute)]
    document: dict[str, Any] = get_openapi(
        title="Leadline", version=__version__, description=INTRODUCTION, routes=read, tags=_tags()
    )
    told = [("get", READ), ("post", TOLD), ("delete", REMOVED)]
    for method, path, operation in [(method, *item) for method, table in told for item in table.items()]:
        described = document["paths"][path][method]
        described["operationId"] = next(
            route.name for route in read if route.path_format == path and method.upper() in (route.methods or ())
        )
        if operation.body is not None:
            content = {"application/json": {"schema": _ref(operation.body), "example": EXAMPLES[operation.body]}}
            described["requestBody"] = {"required": True, "content": content}
        described["responses"] = _responses(operation)
        described["security"] = [{"apiKey": []}]
        for parameter in described.get("parameters", ()):
            parameter["schema"] = _without_null(parameter["schema"])
    document["paths"] |= {
        PUSH: {"post": _pushing("push_leads", "Push leads", Operation(shapes.PushAnswer, _WRITTEN))},
        EXPLAIN: {
            "post": _pushing("explain_push", "Try a push: nothing is stored", Operation(shapes.TrialAnswer, _WRITTEN))
        },
        "/healthz": {"get": _health("healthz", "Whether the program runs")},
        "/readyz": {"get": _health("readyz", "Whether it can do its work", 503)},
    }
    document["components"] = {
        "schemas": msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")[1],
        "responses": {str(status): _refusal(status) for status in REFUSALS},
        "headers": _headers(),
        "securitySchemes": {
            "apiKey": {
                "type": "http",
                "scheme": "bearer",
                "description": "The organisation's API key, or another of its keys.",
            }
        },
    }
    return document


def _tags() -> list[dict[str, Any]]:
    return [
        {"name": "Push", "description": "Scope `push`."},
        {"name": "Leads", "description": "Scope `pull`."},
        {"name": "Control", "description": "Scope `control`; `pull` to read."},
        {"name": "Do not call", "description": "Scope `control`; `pull` to read."},
        {"name": "Agents", "description": "Scope `agents`; `pull` to read."},
        {"name": "Push log", "description": "Scope `pull`."},
        {"name": "Events", "description": "Scope `pull`."},
        {"name": "Trunks", "description": "Scope `pull`."},
        {"name": "Health", "description": "No key is asked for."},
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it is never null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name not in ("anyOf", "default")}, **kinds[0]}


def _pushing(name: str, summary: str, operation: Operation) -> dict[str, Any]:
    return {
        "tags": ["Push"],
        "summary": summary,
        "operationId": name,
        "security": [{"apiKey": []}],
        "parameters": [IDEMPOTENCY_KEY] if name == "push_leads" else [],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(shapes.Push), "example": PUSH_EXAMPLE}},
        },
        "responses": _responses(operation),
    }


def _health(name: str, summary: str, *others: int) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(shapes.Readiness)}}
    answers = {"200": {"description": "It does.", "headers": _sent("X-Request-Id"), "content": content}}
    for status in others:
        headers = _sent("X-Request-Id", "Retry-After")
        answers[str(status)] = {"description": "Not now; `missing` says why.", "headers": headers, "content": content}
    return {"tags": ["Health"], "summary": summary, "operationId": name, "security": [], "responses": answers}


def _responses(operation: Operation) -> dict[str, Any]:
    success = {
        "description": (operation.answer.__doc__ or "").strip(),
        "headers": _sent("X-Request-Id", "RateLimit", "RateLimit-Policy"),
        "content": {"application/json": {"schema": _ref(operation.answer)}},
    }
    refusals = {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(operation.refusals)}
    return {"200": success} | refusals


def _refusal(status: int) -> dict[str, Any]:
    names = [
        "X-Request-Id",
        *(["Retry-After"] if status in _WAITING else []),
        *(["WWW-Authenticate"] if status == HTTPStatus.UNAUTHORIZED else []),
    ]
    return {
        "description": REFUSALS[status],
        "headers": _sent(*names),
        "content": {MEDIA_TYPE: {"schema": _ref(shapes.Problem)}},
    }


def _headers() -> dict[str, Any]:
    told = {
        "X-Request-Id": ("The request's id: the caller's own, or a new one; in the logs too.", "string"),
        "RateLimit": ("What is left of the key's requests; absent where there is no limit.", "string"),
        "RateLimit-Policy": ("How much a key may ask; absent where there is no limit.", "string"),
        "Retry-After": ("Seconds to wait.", "integer"),
        "WWW-Authenticate": ("Bearer.", "string"),
    }
    return {name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in told.items()}


def _sent(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(shape: type) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}
