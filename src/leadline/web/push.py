"""`/v1/leads:push` and `/v1/leads:explain`: plain endpoints, since a framework's validation costs more than both."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.types import Receive
from starlette.types import Scope as Request

from leadline.intake.idempotency import KeyReused, StillRunning
from leadline.intake.request import PushRefused
from leadline.intake.rest import Asked, NothingAccepted, RestIntake
from leadline.store.keys import Scope
from leadline.web.authority import Guard
from leadline.web.body import Bodies
from leadline.web.headers import header
from leadline.web.problems import RETRY_AFTER, Refused
from leadline.web.shortcut import Endpoint

PUSH: Final = "/v1/leads:push"
EXPLAIN: Final = "/v1/leads:explain"


class PushEndpoints:
    """Takes a body, hands it to the intake, writes the answer with its status."""

    def __init__(self, intake: RestIntake, guard: Guard, bodies: Bodies) -> None:
        self._intake, self._guard, self._bodies = intake, guard, bodies

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint(PUSH, ("POST",), self._push), Endpoint(EXPLAIN, ("POST",), self._explain)]

    async def _push(self, request: Request, receive: Receive) -> bytes:
        return await self._answered(request, receive, self._intake.push)

    async def _explain(self, request: Request, receive: Receive) -> bytes:
        return await self._answered(request, receive, self._intake.explain)

    async def _answered(
        self, request: Request, receive: Receive, take: Callable[[Asked], Awaitable[dict[str, Any]]]
    ) -> bytes:
        caller = self._guard.admit(request, Scope.PUSH)

        async def taken(body: bytes) -> dict[str, Any]:
            return await take(Asked(body, caller.organisation, caller.known, _idempotency_key(request)))

        try:
            document = await self._bodies.handed(request, receive, taken)
        except PushRefused as refused:
            raise _refusal(refused) from None
        except KeyReused as reused:
            raise Refused(422, "idempotency_key_reused", str(reused), field="idempotency-key") from None
        except StillRunning as running:
            raise Refused(409, "still_running", str(running), field="idempotency-key", headers=RETRY_AFTER) from None
        except NothingAccepted as nothing:
            message = "no record was accepted: mend what errors names and push again"
            raise Refused(422, "no_record_accepted", message, errors=nothing.errors, beside=nothing.answer) from None
        return msgspec.json.encode(document)


def _idempotency_key(request: Request) -> str | None:
    """The key as it was sent, without the quotes that the draft's structured form puts around it."""
    key = header(request, b"idempotency-key").strip()
    return key.removeprefix('"').removesuffix('"') or None


def _refusal(refused: PushRefused) -> Refused:
    problem = refused.problem
    error = {name: getattr(problem, name) for name in ("code", "field", "message")}
    if problem.line is not None:
        error |= {"line": problem.line, "column": problem.column}
    status = 400 if problem.code == "malformed_json" else 422
    return Refused(status, problem.code, problem.message, field=problem.field, errors=[error])
