"""The fake engine: the Protocol kept without sockets, called numbers played by their `Callee`, everything remembered.

It passes the contract suite of the real engines. `pace` multiplies every second, so that a test of a whole call
takes milliseconds; audio is never cut short by it, only played faster.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from itertools import count

from leadline.domain.errors import EngineUnavailable
from leadline.telephony.callee import Callee
from leadline.telephony.engine import Call, Capacity, Ended, Fault, Invite
from leadline.telephony.fake_call import FakeCall

__all__ = ["FakeCall", "FakeEngine"]

_USER = re.compile(r"sips?:([^@\s]+)@\S+")


class FakeEngine:
    """Calls the numbers of `callees`, any other by `default`; `calls` holds every call in the order of its INVITE.

    With `credentials` (username, password) an INVITE whose account has others ends with 403.
    """

    name = "fake"

    def __init__(
        self,
        callees: Mapping[str, Callee] | None = None,
        *,
        default: Callee | None = None,
        pace: float = 0.001,
        most: int = 100,
        response_timeout: float = 8.0,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.calls: list[FakeCall] = []
        self.callees = dict(callees or {})
        """By the user part of the request URI; may be changed at any time."""
        self.pace = pace
        self._default = default or Callee.answers()
        self._most = most
        self._response_timeout = response_timeout
        self._credentials = credentials
        self._up = False
        self._returning: asyncio.TimerHandle | None = None
        self._call_ids = count(1)

    @property
    def available(self) -> bool:
        return self._up and self.capacity.calls < self._most

    @property
    def capacity(self) -> Capacity:
        return Capacity(sum(not call.ended.is_set() for call in self.calls), self._most)

    @property
    def invites(self) -> Counter[str]:
        """How many INVITEs each attempt made."""
        return Counter(call.attempt_id for call in self.calls)

    async def start(self) -> None:
        self._up = True

    async def stop(self) -> None:
        self._up = False
        if self._returning is not None:
            self._returning.cancel()
        for call in self.calls:
            await call.hangup()

    async def originate(self, invite: Invite, *, beside: Call | None = None) -> FakeCall:
        if not self._up:
            raise EngineUnavailable("the fake engine is down: it has been lost, stopped or never started")
        if beside is not None and not any(call is beside and not call.ended.is_set() for call in self.calls):
            raise EngineUnavailable("the call to stand beside is over")
        if not self.available:
            raise EngineUnavailable(f"the fake engine is full: {self._most} calls are up")
        call = FakeCall(invite, f"fake-{next(self._call_ids)}", self.pace)
        callee = self._callee(invite)
        if callee is None:
            call.finish(Ended(fault=Fault.REFUSED, reason=f"{invite.uri!r} is no SIP URI"))
        else:
            self.calls.append(call)
            call.begin(callee, self._response_timeout)
        return call

    def lose(self, *, seconds: float | None = 1.0) -> None:
        """The process that holds the calls dies; another is there after `seconds` times pace (None: not by itself)."""
        self._up = False
        for call in self.calls:
            call.finish(Ended(fault=Fault.ENGINE_LOST, call_id=call.call_id, reason="the fake engine was lost"))
        if seconds is not None:
            self._returning = asyncio.get_running_loop().call_later(seconds * self.pace, self._return)

    def _return(self) -> None:
        self._up = True

    def _callee(self, invite: Invite) -> Callee | None:
        """None for a URI that cannot be called."""
        number = _USER.fullmatch(invite.uri)
        if number is None:
            return None
        account = invite.account
        if self._credentials is not None and (account.username, account.password) != self._credentials:
            return Callee.refuses(403)
        return self.callees.get(number.group(1), self._default)
