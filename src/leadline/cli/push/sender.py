"""Requests to a Leadline that may be away, busy or starting: they wait for it, and go on by themselves.

A request that may have been taken is sent again as it was; its `requestid` sees to it that it is taken once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from leadline.cli.push.errors import CannotPush

PATH: Final = "/CustomerWebServices/handleCustomerWS"
"""Written again, since who speaks to a web application need not load one."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries: twice as long each time, and never shorter than Leadline asks for."""
PATIENCE: Final = httpx.Timeout(120.0, connect=10.0)
BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses that say: not now."""
TOO_LARGE: Final = 413


class Stopped(Exception):
    """The request was given up, since we were asked to stop while Leadline was away."""


class Sender(AbstractAsyncContextManager["Sender"]):
    """Speaks to one Leadline. `stopping` ends the waiting, `say` is told once when it begins and once when it ends."""

    def __init__(self, url: str, apikey: str, stopping: asyncio.Event, say: Callable[[str], None]) -> None:
        self.url, self._apikey, self._stopping, self._say = url, apikey, stopping, say
        self._client = httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=not _is_loopback(url))
        self._is_waiting = False

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def push(self, document: bytes) -> dict[str, Any]:
        """The answer to a Push Data document of which something was taken or each record refused.

        Raises CannotPush with Leadline's own sentence if it refuses the request as such, Stopped.
        """
        headers = {"content-type": "application/json"}
        answer = await self._asked(lambda: self._client.post(PATH, content=document, headers=headers))
        if "statuscode" not in answer:
            raise CannotPush(f"{self.url} answers, but not as Push Data does: is it a Leadline?")
        if answer["statuscode"] == "001" or "results" in answer:
            return answer
        errors = answer.get("errors") or [{}]
        message = errors[0].get("message") or "no reason was given"
        if errors[0].get("code") == "request_id_reused":
            message += "; push it anew with --restart"
        raise CannotPush(f"Leadline answers {answer['statuscode']} {answer.get('statusdesc')}: {message}")

    async def get(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """A document of `/v1`; raises CannotPush, Stopped."""
        headers = {"authorization": f"Bearer {self._apikey}"}
        return await self._asked(lambda: self._client.get(path, params=parameters, headers=headers))

    async def _asked(self, ask: Callable[[], Awaitable[httpx.Response]]) -> dict[str, Any]:
        pause = FIRST_PAUSE
        while True:
            wanted = 0.0
            try:
                response = await ask()
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            else:
                if response.status_code not in BUSY:
                    self._has_answered()
                    return self._read(response)
                reason, wanted = f"HTTP {response.status_code}", _retry_after(response)
            await self._wait(reason, max(pause, wanted))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _wait(self, reason: str, seconds: float) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._say(f"waiting for {self.url} ({reason}): goes on by itself; Ctrl-C stops")
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise Stopped

    def _has_answered(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._say(f"{self.url} answers again")

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        if response.status_code == TOO_LARGE:
            raise CannotPush("Leadline takes no request of that size: push with a smaller --batch")
        try:
            answer = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        detail = answer.get("detail") if isinstance(answer, dict) else None
        raise CannotPush(f"{response.url.copy_with(query=None)} answers HTTP {response.status_code}: "
                         f"{detail or 'is it a Leadline? See --url'}")  # fmt: skip


def _retry_after(response: httpx.Response) -> float:
    written = response.headers.get("retry-after", "")
    return float(written) if written.isdecimal() else 0.0


def _is_loopback(url: str) -> bool:
    """Whether it is this machine: no proxy of the environment leads there."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
