"""One call as the phone lives it: the INVITE's server transaction, the dialog, the script, and what was heard."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

from leadline.telephony.callee import Callee, Moment, Press
from leadline.telephony.engine import Hangup, Pcm
from leadline.telephony.phone.message import Message, respond, tag_of, uri_of, user_of
from leadline.telephony.phone.rtp import Rtp
from leadline.telephony.phone.sdp import NoCommonCodec, read_offer, write_answer

Send = Callable[[Message, tuple[str, int]], None]
_T1, _T2, _TIMER_H = 0.5, 4.0, 32.0
"""RFC 3261, 17: first and longest pause between retransmissions, and when they are given up."""


class HeardCall:
    """A call that reached the phone: facts as plain attributes; `ringing`, `answered` and `ended` can be waited for."""

    def __init__(
        self, invite: Message, peer: tuple[str, int], callee: Callee, local: tuple[str, int], send: Send
    ) -> None:
        self.number = user_of(invite.uri)
        self.caller = user_of(invite.get("from"))
        self.attempt_id = invite.get("x-leadline-attempt")
        self.call_id = invite.get("call-id")
        self.invite = invite
        self.retransmissions = 0
        self.cancelled = False
        self.hung_up_by: Hangup | None = None
        self.pressed = ""
        self.ringing, self.answered, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._callee, self._local, self._send, self._peer = callee, local, send, peer
        self._tag = secrets.token_hex(6)
        self._acked, self._bye_answered = asyncio.Event(), asyncio.Event()
        self._final = False
        """Whether the INVITE has its final answer."""
        self._last: Message | None = None
        """What a retransmitted INVITE is answered with again."""
        self._rtp: Rtp | None = None
        self._script = asyncio.create_task(self._play_script())
        self._retransmitting: set[asyncio.Task[None]] = set()

    @property
    def heard(self) -> Pcm:
        """What the far end said, so far."""
        return self._rtp.ear.pcm if self._rtp else b""

    def write_wav(self, path: Path) -> None:
        """Leave what was heard as a WAV; one without samples if nothing was."""
        if self._rtp is not None:
            self._rtp.ear.write_wav(path)

    async def hears(self, seconds: float) -> None:
        """Wait until that much audio has come, speech or silence."""
        await self.answered.wait()
        assert self._rtp is not None  # noqa: S101, answered means media
        await self._rtp.ear.hears(seconds)

    async def close(self) -> None:
        """Stop without another word, as when the phone itself goes away."""
        tasks = [self._script, *self._retransmitting]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if self._rtp is not None:
            self._rtp.close()

    # What comes from the network

    def take(self, request: Message, peer: tuple[str, int]) -> None:
        """A request inside this call."""
        self._peer = peer
        match request.method:
            case "INVITE" if request.sequence == self.invite.sequence:
                self.retransmissions += 1
                if self._last is not None:
                    self._send(self._last, self._peer)
            case "INVITE" if is_initial(request):
                self._reply(request, self._callee.status or 482)
            case "INVITE":
                self._renegotiate(request)
            case "ACK":
                self._acked.set()
            case "CANCEL":
                self._cancel(request)
            case "BYE":
                self._reply(request, 200)
                self._end(Hangup.US)
            case _:
                self._reply(request, 200)

    def take_response(self, response: Message) -> None:
        """The answer to our BYE."""
        if response.method == "BYE" and (response.status or 0) >= 200:  # noqa: PLR2004
            self._bye_answered.set()

    def _cancel(self, request: Message) -> None:
        self._reply(request, 200)
        if self._final or self._callee.silent:
            return  # the 200 has crossed it: a BYE will follow
        self.cancelled = True
        self._script.cancel()
        self._finish(respond(self.invite, 487, self._tag))
        self._end(None)

    def _renegotiate(self, request: Message) -> None:
        if self._rtp is None or self.ended.is_set():
            self._reply(request, 481)
            return
        self._send(self._accept(request, self._rtp), self._peer)

    # The script

    async def _play_script(self) -> None:
        callee = self._callee
        if callee.silent:
            return
        if callee.trying:
            self._provisional(100)
        if callee.rings is not None:
            self._provisional(180)
            self.ringing.set()
            await asyncio.sleep(callee.rings)
        if callee.status is None:
            return
        if callee.status == 200:  # noqa: PLR2004
            await self._answer()
        else:
            cause = (("Reason", f"Q.850;cause={callee.cause}"),) if callee.cause is not None else ()
            self._finish(respond(self.invite, callee.status, self._tag, *cause))
            self._end(None)

    async def _answer(self) -> None:
        self._rtp = await Rtp.open(self._local[0])
        try:
            self._finish(self._accept(self.invite, self._rtp))
        except NoCommonCodec:
            self._finish(respond(self.invite, 488, self._tag))
            self._end(None)
            return
        await self._acked.wait()
        self._rtp.talk(self._callee.says)
        self.answered.set()
        async with asyncio.TaskGroup() as script:
            script.create_task(self._press_keys(self._rtp))
            if self._callee.hangs_up_after is not None:
                script.create_task(self._hang_up_after(self._callee.hangs_up_after))

    def _accept(self, invite: Message, rtp: Rtp) -> Message:
        """The 200 to an offer; raises `NoCommonCodec`."""
        media = read_offer(invite.body)
        rtp.agree(media)
        body = write_answer(self._local[0], rtp.port, media)
        headers = (("Contact", f"<{self.invite.uri}>"), ("Content-Type", "application/sdp"))
        return respond(invite, 200, self._tag, *headers, body=body)

    async def _press_keys(self, rtp: Rtp) -> None:
        for press in self._callee.presses:
            await _moment(press, rtp)
            await rtp.press(press.digits)
            self.pressed += press.digits

    async def _hang_up_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        target = uri_of(self.invite.get("contact")) or self.invite.uri
        caller, ourselves = self.invite.get("from"), f"{self.invite.get('to')};tag={self._tag}"
        via = f"SIP/2.0/UDP {self._local[0]}:{self._local[1]};branch=z9hG4bK{secrets.token_hex(8)};rport"
        headers = [("Via", via), ("Max-Forwards", "70"), ("From", ourselves), ("To", caller)]
        headers += [("Call-ID", self.call_id), ("CSeq", "1 BYE")]
        self._repeat(Message(f"BYE {target} SIP/2.0", tuple(headers)), self._bye_answered)
        self._end(Hangup.CUSTOMER)

    # The wire

    def _reply(self, request: Message, status: int) -> None:
        self._send(respond(request, status, self._tag), self._peer)

    def _provisional(self, status: int) -> None:
        self._last = respond(self.invite, status, self._tag)
        self._send(self._last, self._peer)

    def _finish(self, response: Message) -> None:
        """The final answer, until its ACK (RFC 3261, 13.3.1.4 and 17.2.1)."""
        self._final, self._last = True, response
        self._repeat(response, self._acked)

    def _repeat(self, message: Message, until: asyncio.Event) -> None:
        task = asyncio.create_task(self._retransmit(message, until))
        self._retransmitting.add(task)
        task.add_done_callback(self._retransmitting.discard)

    async def _retransmit(self, message: Message, until: asyncio.Event) -> None:
        pause = _T1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TIMER_H):
                while not until.is_set():
                    self._send(message, self._peer)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(until.wait(), pause)
                    pause = min(pause * 2, _T2)

    def _end(self, who: Hangup | None) -> None:
        if self.ended.is_set():
            return
        self.hung_up_by = who if self.answered.is_set() else None
        self.ended.set()
        if self._rtp is not None:
            self._rtp.close()
        if asyncio.current_task() is not self._script:
            self._script.cancel()


async def _moment(press: Press, rtp: Rtp) -> None:
    match press.moment:
        case Moment.AFTER:
            await asyncio.sleep(press.seconds)
        case Moment.AFTER_SPEECH:
            await rtp.ear.speech_over(press.seconds)
        case Moment.DURING_SPEECH:
            await rtp.ear.speech(press.seconds)


def is_initial(request: Message) -> bool:
    """Whether an INVITE asks for a new call: its To has no tag yet."""
    return request.method == "INVITE" and tag_of(request.get("to")) is None
