"""One call inside its worker: what the stack reports and our own timers, made into `CallEvent`s."""

import asyncio
import logging
import re
from collections.abc import Callable

from baresip import Call, Event, StackEvent

from leadline.telephony.embedded.reason import q850_cause
from leadline.telephony.embedded.sound import TICK, Sound
from leadline.telephony.embedded.trace import Reply
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
_OK = 200
_AUDIO_SECONDS = 2.0
"""How long an answer may be without audio."""
_TRACE_SECONDS = 0.5
"""How long the trace is waited for, which comes by another thread than the events."""

log = logging.getLogger(__name__)


class Leg:
    """Tells `report` what became of one INVITE; `release` is asked to hang up, once.

    The response timer ends when anything at all has come back, and runs once more after a challenge; the ring timer
    ends when the call is answered or over.
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
        self._placed = self._ringing = self._established = self._answered = False
        self._hanging_up = False
        self._fault: Fault | None = None
        self._reason = ""
        self._refusal: Reply | None = None
        self._closed: str | None = None
        """What the stack said of the end, while the trace is to say the rest."""
        self._challenged = False
        self._response_timeout = response_timeout
        self._response_timer = self._await_response()
        self._ring_timer = asyncio.get_running_loop().call_later(
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

    def hear(self, reply: Reply | None = None) -> None:
        """Something came back, be it only a 100; a challenge says nothing of the INVITE that answers it."""
        self.heard_of = True
        self._response_timer.cancel()
        if reply is None or self.over:
            return
        if reply.challenges and not self._challenged:
            self._challenged = True
            self._response_timer = self._await_response()
        elif reply.refuses:
            self._refusal = reply
            self._settle()

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
                self._close(event.text or "")

    def _rang(self) -> None:
        self.hear()
        if not self._ringing and not self._answered:
            self._ringing = True
            self._report(Ringing(self.call_id))

    def _was_answered(self) -> None:
        self.hear()
        self._ring_timer.cancel()
        if not self._established:
            self._established = True
            self._await_audio(asyncio.get_running_loop().time() + _AUDIO_SECONDS)

    def _await_audio(self, until: float) -> None:
        """Answered once there is audio; what was agreed on may be none that we understand, or none yet."""
        if self.over or self._answered:
            return
        loop = asyncio.get_running_loop()
        if self.sound.active:
            self._tell_answered()
        elif loop.time() < until:
            loop.call_later(TICK, self._await_audio, until)
        else:
            self._give_up(Fault.NO_AUDIO, "answered without audio that we understand")

    def _tell_answered(self) -> None:
        self._answered = True
        self._report(Answered(self.call_id))

    def _await_response(self) -> asyncio.TimerHandle:
        reason = f"nothing came back within {self._response_timeout:g} s"
        return asyncio.get_running_loop().call_later(self._response_timeout, self._give_up, Fault.NO_RESPONSE, reason)

    def _close(self, text: str) -> None:
        """The end; of a refusal the stack tells the first value of Reason alone, and of some not even the status."""
        self._closed = text
        if self._established and not self._answered and self._fault is None:
            self._tell_answered()  # the far end has hung up before its audio was there
        status, reasons = _STATUS.match(text), text.partition(",")[2]
        whole = self._refusal or (status and (not reasons or q850_cause(reasons)))
        if whole or self._answered or self._fault:
            self._settle()
        else:
            asyncio.get_running_loop().call_later(_TRACE_SECONDS, self._settle)

    def _settle(self) -> None:
        if self._closed is not None and not self.over:
            self._end(self._verdict(self._closed))

    def _give_up(self, fault: Fault, reason: str) -> None:
        if self.over or self._answered or self._hanging_up or self._closed is not None:
            return
        self._hanging_up, self._fault, self._reason = True, fault, reason
        self._release(self)

    def _finished(self, event: PlayFinished) -> None:
        self._report(event)

    def _verdict(self, text: str) -> Ended:
        """What a closing means; `text` is the final answer as `486 Busy Here,Q.850;cause=17`, or the stack's words."""
        refusal = self._refusal
        number = q850_cause(text) or (refusal.cause if refusal else None)
        if self._answered:
            who, reason = (Hangup.US, self._reason) if self._hanging_up else (Hangup.CUSTOMER, "the far end hung up")
            reason = self._reason if self._fault else reason
            return Ended(_OK, number, hung_up_by=who, call_id=self.call_id, reason=reason)
        if self._fault is not None:
            return Ended(
                _OK if self._established else None, number, self._fault, call_id=self.call_id, reason=self._reason
            )
        told = _STATUS.match(text)
        status = int(told.group(1)) if told else refusal.status if refusal else None
        if status is None:
            fault = None if self.heard_of else Fault.NO_RESPONSE
            return Ended(None, number, fault, call_id=self.call_id, reason=text)
        return Ended(status, number, call_id=self.call_id, reason=text.partition(",")[0])

    def _end(self, ended: Ended) -> None:
        self.sound.close()
        self.over = True
        self._response_timer.cancel()
        self._ring_timer.cancel()
        self._report(ended)
