"""One call inside its worker: what the stack reports and our own timers, made into `CallEvent`s."""

import asyncio
import logging
import re
from collections.abc import Callable

from baresip import Call, Event, StackEvent

from leadline.telephony.embedded.sound import Sound
from leadline.telephony.engine import (
    Answered,
    CallEvent,
    Digit,
    Ended,
    Fault,
    Hangup,
    Invite,
    Placed,
    PlayFinished,
    Ringing,
)

_STATUS = re.compile(r"(\d{3}) ")
_CAUSE = re.compile(r"Q\.850\b[^,]*?;\s*cause\s*=\s*(\d+)", re.IGNORECASE)
_OK = 200

log = logging.getLogger(__name__)


class Leg:
    """Tells `report` what became of one INVITE; `release` is asked to hang up, once.

    The response timer ends when anything at all has come back, the ring timer when the call is answered or over.
    """

    def __init__(
        self,
        invite: Invite,
        response_timeout: float,
        report: Callable[[CallEvent], None],
        release: Callable[["Leg"], None],
    ) -> None:
        self.call: Call | None = None
        """The stack's own, once `dial` has returned it; its events may come before."""
        self.call_id: str | None = None
        self.over = False
        self.heard_of = False
        """Whether anything came back."""
        self.sound = Sound(self._finished)
        self._report, self._release = report, release
        self._placed = self._ringing = self._answered = False
        self._hanging_up = False
        self._fault: Fault | None = None
        self._reason = ""
        loop = asyncio.get_running_loop()
        self._response_timer = loop.call_later(
            response_timeout, self._give_up, Fault.NO_RESPONSE, f"nothing came back within {response_timeout:g} s"
        )
        self._ring_timer = loop.call_later(
            invite.ring_timeout, self._give_up, Fault.RING_TIMEOUT, f"not answered within {invite.ring_timeout:g} s"
        )

    @property
    def answered(self) -> bool:
        return self._answered

    def adopt(self, call: Call) -> None:
        """`dial` has returned: audio may flow, and a hangup asked for meanwhile is done."""
        self.call = call
        self.sound.attach(call.audio)
        if self._hanging_up:
            self._release(self)

    def refuse(self, reason: str) -> None:
        """The INVITE could not be sent."""
        self._end(Ended(fault=Fault.REFUSED, reason=reason))

    def hear(self) -> None:
        """Something came back, be it only a 100."""
        self.heard_of = True
        self._response_timer.cancel()

    def hang_up(self) -> None:
        """Because we were told to."""
        if not self._answered:
            self._give_up(Fault.CANCELLED, "cancelled before an answer")
        elif not self._hanging_up:
            self._hanging_up, self._reason = True, "hung up by us"
            self._release(self)

    def record(self, path: str) -> None:
        try:
            self.sound.record(path)
        except OSError as error:
            log.error("the recording %s cannot be written: %s", path, error.strerror)  # noqa: TRY400, no trace needed

    def join(self, other: "Leg") -> None:
        """Both far ends hear each other, if both have answered."""
        if self.answered and other.answered:
            self.sound.join(other.sound)

    def take(self, event: StackEvent) -> None:
        """One event of the stack; whatever comes after the end is dropped."""
        if self.over:
            return
        self.call_id = self.call_id or event.call_id
        match event.event:
            case Event.CALL_LOCAL_SDP if not self._placed:  # the offer is written as the INVITE leaves
                self._placed = True
                self._report(Placed(self.call_id))
            case Event.CALL_RINGING | Event.CALL_PROGRESS:
                self._rang()
            case Event.CALL_ESTABLISHED:
                self._was_answered()
            case Event.CALL_DTMF_START if event.text:
                self._report(Digit(event.text[0]))
            case Event.CALL_CLOSED:
                self._end(self._verdict(event.text or ""))

    def _rang(self) -> None:
        self.hear()
        if not self._ringing and not self._answered:
            self._ringing = True
            self._report(Ringing(self.call_id))

    def _was_answered(self) -> None:
        self.hear()
        self._ring_timer.cancel()
        if not self._answered:
            self._answered = True
            self._report(Answered(self.call_id))

    def _give_up(self, fault: Fault, reason: str) -> None:
        if self.over or self._answered or self._hanging_up:
            return
        self._hanging_up, self._fault, self._reason = True, fault, reason
        self._release(self)

    def _finished(self, event: PlayFinished) -> None:
        self._report(event)

    def _verdict(self, text: str) -> Ended:
        """What a closing means; `text` is the final answer as `486 Busy Here,Q.850;cause=17`, or the stack's words."""
        cause = _CAUSE.search(text)
        number = int(cause.group(1)) if cause else None
        if self._answered:
            who, reason = (Hangup.US, self._reason) if self._hanging_up else (Hangup.CUSTOMER, "the far end hung up")
            reason = self._reason if self._fault else reason
            return Ended(_OK, number, hung_up_by=who, call_id=self.call_id, reason=reason)
        if self._fault is not None:
            return Ended(None, number, self._fault, call_id=self.call_id, reason=self._reason)
        status = _STATUS.match(text)
        if status is None:
            return Ended(None, number, Fault.NO_RESPONSE, call_id=self.call_id, reason=text)
        return Ended(int(status.group(1)), number, call_id=self.call_id, reason=text.partition(",")[0])

    def _end(self, ended: Ended) -> None:
        self.sound.close()
        self.over = True
        self._response_timer.cancel()
        self._ring_timer.cancel()
        self._report(ended)
