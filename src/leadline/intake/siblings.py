"""The methods beside Push Data on the vendor's endpoint, answered on what is stored.

Each is asked for by the same API key and names its process by the same service key. What Leadline does not have
yet (recordings) is answered as not there, never made up.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg

from leadline.clock import Clock
from leadline.domain.agent import Presence
from leadline.domain.errors import DatabaseUnavailable
from leadline.domain.value import is_blank
from leadline.domain.vendor import Code
from leadline.intake.command import ATTEMPTS
from leadline.intake.request import Limits, node_refused, process_of
from leadline.intake.siblings_desk import reallocate, save_disposition
from leadline.intake.siblings_nodes import Asked, mandatory
from leadline.intake.siblings_pull import pull
from leadline.store import agents
from leadline.store.catalogue import Catalogue, Organisation
from leadline.store.database import Database

STATUS: Final = {
    Presence.READY: (1, "Ready"),
    Presence.RESERVED: (5, "Talking"),
    Presence.ON_CALL: (5, "Talking"),
    Presence.WRAP_UP: (7, "Wrap-up"),
}
"""The vendor's numbers for where an agent is; whoever is taken for a customer is as good as talking."""
NOT_AVAILABLE: Final = (11, "not available")


class Siblings:
    """Answers every known method but the push itself."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database, self._clock, self._limits = database, clock, limits
        self._of_a_process: Mapping[str, Callable[[Asked], Awaitable[dict[str, Any]]]] = {
            "getProcessData": pull,
            "reallocatedata": reallocate,
            "saveDisposition": save_disposition,
        }

    async def answer(
        self, method: str, nodes: Mapping[str, Any], organisation: Organisation, catalogue: Catalogue
    ) -> dict[str, Any]:
        """Our nodes of the answer; raises PushRefused, DatabaseUnavailable."""
        by_process = self._of_a_process.get(method)
        process = None
        if by_process is not None or not is_blank(nodes.get("servicekey")):
            process = process_of(nodes, organisation, catalogue, self._limits)
        if by_process is not None and process is not None:
            return await self._by_process(by_process, Asked(nodes, organisation, process, self._database, self._clock))
        if method == "userStatus":
            logins = _logins(nodes, organisation, self._limits.records)
            async with self._database.connection() as connection:
                known = [login.strip().lower() for login in logins]
                presences = await agents.presences(
                    connection, organisation.id, [login for login in known if login in organisation.logins]
                )
            return _user_status(logins, organisation, presences)
        return _recording(nodes, organisation)

    @staticmethod
    async def _by_process(answer: Callable[[Asked], Awaitable[dict[str, Any]]], asked: Asked) -> dict[str, Any]:
        for _ in range(ATTEMPTS):
            try:
                return await answer(asked)
            except asyncpg.DeadlockDetectedError:
                continue
        raise DatabaseUnavailable("too many changes of the same lead at once; nothing was stored, ask again")


def _logins(nodes: Mapping[str, Any], organisation: Organisation, most: int) -> list[str]:
    written = nodes.get("loginids")
    logins: list[Any] = written if isinstance(written, list) else [written]
    if not logins or len(logins) > most or not all(isinstance(login, str) and login.strip() for login in logins):
        message = f"loginids must be an array of 1 to {most} logins"
        raise node_refused(Code.FAIL, "loginids", message, organisation.timezone, "invalid_field")
    return logins


def _user_status(
    logins: Sequence[str], organisation: Organisation, presences: Mapping[str, Presence]
) -> dict[str, Any]:
    told = [_status(login, organisation, presences) for login in logins]
    if all(user["status"] is None for user in told):
        message = "loginids names no login of this organisation: add the users, or mend the names"
        raise node_refused(Code.FAIL, "loginids", message, organisation.timezone, "unknown_user")
    return {"data": told}


def _status(login: str, organisation: Organisation, presences: Mapping[str, Presence]) -> dict[str, Any]:
    told, known = login.encode("utf-8", "replace").decode(), login.strip().lower()
    if known not in organisation.logins:
        return {"loginid": told, "status": None, "statusdesc": "unknown_user"}
    number, words = STATUS.get(presences.get(known, Presence.LOGGED_OUT), NOT_AVAILABLE)
    return {"loginid": told, "status": number, "statusdesc": words}


def _recording(nodes: Mapping[str, Any], organisation: Organisation) -> dict[str, Any]:
    mandatory(nodes, "systemcallid", organisation.timezone)
    message = "there is no recording of this call: calls are not recorded yet"
    raise node_refused(Code.FAIL, "systemcallid", message, organisation.timezone, "recording_not_found")
