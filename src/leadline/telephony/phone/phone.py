"""The phone itself: one UDP socket, a script per number, and the list of what reached it."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self, cast

from leadline.telephony.callee import Callee
from leadline.telephony.phone.digest import Digest
from leadline.telephony.phone.heard import HeardCall, is_initial
from leadline.telephony.phone.message import Message, NotSip, respond, user_of


class Phone(asyncio.DatagramProtocol):
    """Answers every number at one UDP address, each by its `Callee`; `port=0` picks a free port.

    With `credentials` (username, password) an INVITE without them is challenged by 401 and refused by 403
    if they are wrong; only what passed counts as a call.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        callees: Mapping[str, Callee] | None = None,
        default: Callee | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.calls: list[HeardCall] = []
        """Every call in the order of its INVITE, a retransmitted or authenticated INVITE being the same one."""
        self.callees = dict(callees or {})
        """By the user part of the request URI; may be changed at any time."""
        self.challenges = 0
        """INVITEs answered by 401 or 403."""
        self._host, self._wanted_port = host, port
        self._default = default or Callee.answers()
        self._digest = Digest(*credentials) if credentials else None
        self._by_call_id: dict[str, HeardCall] = {}
        self._came = asyncio.Condition()
        self._taken: set[HeardCall] = set()
        self._notices: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, self._wanted_port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for call in self.calls:
            await call.close()
        self._transport.close()

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self._host}:{self.port}"

    @property
    def invites(self) -> Counter[str]:
        """How many calls each `X-Leadline-Attempt` made."""
        return Counter(call.attempt_id for call in self.calls)

    async def call_to(self, number: str, *, within: float = 10.0) -> HeardCall:
        """The oldest call to `number` that no earlier `call_to` returned; raises TimeoutError."""
        async with asyncio.timeout(within), self._came:
            while True:
                for call in self.calls:
                    if call.number == number and call not in self._taken:
                        self._taken.add(call)
                        return call
                await self._came.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = Message.parse(data)
        except NotSip:
            return
        call = self._by_call_id.get(message.get("call-id"))
        if message.status is not None:
            if call is not None:
                call.take_response(message)
        elif call is not None:
            call.take(message, addr)
        elif is_initial(message):
            self._admit(message, addr)
        elif message.method != "ACK":
            self._send(respond(message, 200 if message.method == "OPTIONS" else 481, "phone"), addr)

    def _admit(self, invite: Message, peer: tuple[str, int]) -> None:
        authorization = invite.get("authorization")
        if self._digest is not None and not self._digest.admits("INVITE", authorization):
            self.challenges += 1
            status = 403 if authorization else 401
            ask = (("WWW-Authenticate", self._digest.challenge),) if status == 401 else ()  # noqa: PLR2004
            self._send(respond(invite, status, "phone", *ask), peer)
            return
        callee = self.callees.get(user_of(invite.uri), self._default)
        call = HeardCall(invite, peer, callee, (self._host, self.port), self._send)
        self.calls.append(call)
        self._by_call_id[call.call_id] = call
        notice = asyncio.create_task(self._tell())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def _tell(self) -> None:
        async with self._came:
            self._came.notify_all()

    def _send(self, message: Message, peer: tuple[str, int]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(message.encode(), peer)
