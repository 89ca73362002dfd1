"""Requests of our own over UDP, outside any call: one is sent again until something final comes (RFC 3261, 17.1.2)."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Final, NamedTuple, cast

from leadline.telephony.phone.message import Message, NotSip

TIMEOUT: Final = 4.0
"""Seconds in which an answer must come."""
T1: Final = 0.5
"""Seconds until the first retransmission; each further one waits twice as long."""
_HOST: Final = re.compile(r"sips?:[^@]*@(?P<host>\[[^\]]+\]|[^:;?]+)(?::(?P<port>\d+))?")
_PORT: Final = 5060
_FINAL: Final = 200


class Place(NamedTuple):
    """Where SIP is spoken."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(uri: str) -> Place | None:
    """Where requests to this URI go."""
    found = _HOST.match(uri)
    return Place(found["host"].strip("[]"), int(found["port"] or _PORT)) if found else None


class Asking(asyncio.DatagramProtocol):
    """A socket that speaks to one place; at most one question at a time."""

    def __init__(self, there: Place) -> None:
        self.there = there
        self._call_id, self._tag, self._sequence = token_hex(12), token_hex(6), 0
        self._came: asyncio.Future[Message | None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.here = Place(*transport.get_extra_info("sockname")[:2])

    async def ask(
        self, method: str, uri: str, who: str, *headers: tuple[str, str], within: float = TIMEOUT
    ) -> Message | None:
        """The final answer to one request of `who`, or None if none came in time."""
        self._sequence += 1
        request = Message(
            f"{method} {uri} SIP/2.0",
            (
                ("Via", f"SIP/2.0/UDP {self.here};branch=z9hG4bK{token_hex(8)};rport"),
                ("Max-Forwards", "70"),
                ("From", f"<{who}>;tag={self._tag}"),
                ("To", f"<{uri}>"),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._sequence} {method}"),
                *headers,
            ),
        ).encode()
        self._came = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within):
                return await self._until_answered(request, self._came)
        except TimeoutError:
            return None

    async def _until_answered(self, request: bytes, came: asyncio.Future[Message | None]) -> Message | None:
        again = T1
        while True:
            self._transport.sendto(request)
            done, _ = await asyncio.wait([came], timeout=again)
            if done:
                return came.result()
            again *= 2

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        try:
            answer = Message.parse(data)
            final = (answer.status or 0) >= _FINAL and answer.get("call-id") == self._call_id
            ours = final and answer.sequence == self._sequence
        except (NotSip, ValueError, IndexError):
            return
        if ours:
            self._settle(answer)

    def error_received(self, _: Exception) -> None:
        """The address refuses packets: nobody is there."""
        self._settle(None)

    def _settle(self, answer: Message | None) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(answer)

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def asking(there: Place, local: str | None = None) -> AsyncIterator[Asking]:
    """A socket from `local`, if that is given, to a place; raises OSError if there is no way."""
    loop = asyncio.get_running_loop()
    _, one = await loop.create_datagram_endpoint(
        lambda: Asking(there), remote_addr=there, local_addr=(local, 0) if local else None
    )
    try:
        yield one
    finally:
        one.close()
