"""What the SIP trace tells that the stack's events do not: that a 100 came, and that the last word was answered."""

import asyncio
import logging
import re
from collections.abc import Callable

_RESPONSE = re.compile(r"RX [^\n]*\n\s*SIP/2\.0 (\d{3}) ")
_CALL_ID = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_SEQUENCE = re.compile(r"^CSeq[ \t]*:[ \t]*\d+[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)
_FINAL, _REFUSAL = 200, 300


class SipTrace(logging.Handler):
    """Reads every response that comes in; `answered(call_id)` is called on the loop for each."""

    def __init__(self, answered: Callable[[str], None]) -> None:
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
            self._loop.call_soon_threadsafe(
                self._take, int(response.group(1)), sequence.group(1).upper(), call_id.group(1)
            )

    def _take(self, status: int, method: str, call_id: str) -> None:
        self._answered(call_id)
        if (method == "BYE" and status >= _FINAL) or (method == "INVITE" and status >= _REFUSAL):
            self._expected.discard(call_id)
            if not self._expected:
                self._settled.set()
