"""What the SIP trace tells that the stack's events do not: that a 100 came, that we were challenged, all of a refusal's
reasons, and that the last word was answered."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from leadline.telephony.embedded.reason import q850_cause

_RESPONSE = re.compile(r"RX [^\n]*\n\s*SIP/2\.0 (\d{3}) ")
_CALL_ID = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_SEQUENCE = re.compile(r"^CSeq[ \t]*:[ \t]*\d+[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)
_REASON = re.compile(r"^Reason[ \t]*:([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_FINAL, _REFUSAL = 200, 300
_CHALLENGES = (401, 407)


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that came in, and the Q.850 cause that one of its Reason headers gives."""

    call_id: str
    method: str
    status: int
    cause: int | None = None

    @property
    def refuses(self) -> bool:
        """Whether it is the last word on an INVITE."""
        return self.method == "INVITE" and self.status >= _REFUSAL

    @property
    def challenges(self) -> bool:
        """Whether the INVITE is to be sent again, with credentials."""
        return self.method == "INVITE" and self.status in _CHALLENGES


class SipTrace(logging.Handler):
    """Reads every response that comes in; `answered` is called on the loop with each."""

    def __init__(self, answered: Callable[[Reply], None]) -> None:
        super().__init__(logging.DEBUG)
        self._loop = asyncio.get_running_loop()
        self._answered = answered
        self._expected: set[str] = set()
        self._settled = asyncio.Event()
        self._settled.set()

    def expect(self, call_id: str) -> None:
        """We have said BYE or CANCEL: the answer to it is still to come."""
        self._expected.add(call_id)
        self._settled.clear()

    async def settled(self) -> None:
        """Wait until every BYE and CANCEL has been answered."""
        await self._settled.wait()

    def emit(self, record: logging.LogRecord) -> None:
        """On the thread that reads the stack's log."""
        text = record.getMessage()
        response = _RESPONSE.match(text)
        call_id, sequence = _CALL_ID.search(text), _SEQUENCE.search(text)
        if response and call_id and sequence:
            cause = q850_cause(",".join(_REASON.findall(text)))
            reply = Reply(call_id.group(1), sequence.group(1).upper(), int(response.group(1)), cause)
            self._loop.call_soon_threadsafe(self._take, reply)

    def _take(self, reply: Reply) -> None:
        self._answered(reply)
        if reply.refuses or (reply.method == "BYE" and reply.status >= _FINAL):
            self._expected.discard(reply.call_id)
            if not self._expected:
                self._settled.set()
