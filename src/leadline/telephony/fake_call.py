"""One call of the fake engine: both ends of it, in paced time."""

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from leadline.telephony.callee import Callee, Moment, Press
from leadline.telephony.engine import (
    SAMPLE_RATE,
    Answered,
    Call,
    CallEvent,
    Digit,
    Ended,
    Fault,
    Hangup,
    Invite,
    Pcm,
    Placed,
    PlayFinished,
    Ringing,
)

_BYTES = 2 * SAMPLE_RATE
_KEY_SECONDS = 0.2
"""From one key to the next."""
_NUMBER = re.compile(r"sips?:([^@]+)@")


@dataclass(slots=True)
class _Playback:
    play_id: int
    audio: Pcm
    began: float
    end: asyncio.TimerHandle


class FakeCall:
    """A call as the engine's user has it and as the callee lived it (`heard`, `pressed`, `cancelled`, `hung_up_by`)."""

    def __init__(self, invite: Invite, call_id: str, pace: float) -> None:
        self.invite, self.call_id = invite, call_id
        self.attempt_id = invite.attempt_id
        found = _NUMBER.match(invite.uri)
        self.number = found.group(1) if found else ""
        self.caller = invite.caller_id or invite.account.username or "leadline"
        self.heard: Pcm = b""
        """What was played to the callee, without the silence between."""
        self.pressed = ""
        self.cancelled = False
        self.hung_up_by: Hangup | None = None
        self.ringing, self.answered, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[CallEvent] = asyncio.Queue()
        self._callee = Callee.answers()
        self._timers: list[asyncio.TimerHandle] = []
        self._script: asyncio.Task[None] | None = None
        self._plays = 0
        self._playback: _Playback | None = None
        self._changed = asyncio.Event()
        """Set whenever playing begins or ends, for a callee that listens."""
        self._recordings: list[tuple[Path, float]] = []
        """Each with the second of the call at which it began."""
        self._answered_at = 0.0
        self._far: FakeCall | None = None
        """The call that this one is joined with, since `_joined_at` of this call's seconds."""
        self._joined_at = 0.0

    def begin(self, callee: Callee, response_timeout: float) -> None:
        """Let the INVITE leave for this callee."""
        self._callee = callee
        if callee.silent:
            self._later(response_timeout, Ended(fault=Fault.NO_RESPONSE, reason="nothing came back"))
        self._later(self.invite.ring_timeout, Ended(fault=Fault.RING_TIMEOUT, reason="not answered in time"))
        self._script = asyncio.create_task(self._play_script())

    # The Call Protocol

    async def events(self) -> AsyncIterator[CallEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Ended):
                return

    async def play(self, audio: Pcm) -> int:
        self.part()
        self._silence(completed=False)
        self._plays += 1
        if not self.ended.is_set():
            end = self._loop.call_later(self._paced(len(audio) / _BYTES), lambda: self._silence(completed=True))
            self._playback = _Playback(self._plays, audio, self._loop.time(), end)
            self._changed.set()
        return self._plays

    async def stop_playing(self) -> None:
        self._silence(completed=False)

    async def record(self, path: Path) -> None:
        if not self.ended.is_set():
            self._recordings.append((path, self._second()))

    async def join(self, other: Call) -> None:
        if not isinstance(other, FakeCall):
            raise ValueError("only calls of one engine can be joined: originate the one beside the other")  # noqa: TRY004
        if self.up and other.up:
            self.face(other)
            other.face(self)

    async def hangup(self) -> None:
        if self.answered.is_set():
            self.finish(Ended(200, hung_up_by=Hangup.US, reason="hung up by us"))
        else:
            self.finish(Ended(fault=Fault.CANCELLED, reason="cancelled before an answer"))

    # The callee

    async def _play_script(self) -> None:
        callee = self._callee
        self._tell(Placed(self.call_id))
        if callee.silent:
            return
        if callee.rings is not None:
            self.ringing.set()
            self._tell(Ringing(self.call_id))
            await asyncio.sleep(self._paced(callee.rings))
        if callee.status is None:
            return
        if callee.status != 200:  # noqa: PLR2004
            self.finish(Ended(callee.status, callee.cause, reason=f"{callee.status}"))
            return
        self._answer()
        if callee.hangs_up_after is not None:
            self._later(callee.hangs_up_after, Ended(200, hung_up_by=Hangup.CUSTOMER, reason="the far end hung up"))
        for press in callee.presses:
            await self._moment(press)
            for digit in press.digits:
                self.pressed += digit
                self._tell(Digit(digit))
                await asyncio.sleep(self._paced(_KEY_SECONDS))

    def _answer(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._answered_at = self._loop.time()
        self.answered.set()
        self._tell(Answered(self.call_id))

    async def _moment(self, press: Press) -> None:
        """Whatever is played counts as speech: a test need not make a sound."""
        match press.moment:
            case Moment.AFTER:
                await asyncio.sleep(self._paced(press.seconds))
            case Moment.AFTER_SPEECH:
                await self._speech(0.0)
                while self._playback is not None or await self._changes_within(press.seconds):
                    if self._playback is not None:
                        await self._changes_within(None)
            case Moment.DURING_SPEECH:
                await self._speech(press.seconds)

    async def _speech(self, seconds: float) -> None:
        """Wait for `seconds` of new speech."""
        target = self._spoken() + seconds
        while self._playback is None or self._spoken() < target:
            await self._changes_within(None if self._playback is None else target - self._spoken())

    async def _changes_within(self, seconds: float | None) -> bool:
        """Wait until playing begins or ends; False if it does not within `seconds`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(None if seconds is None else self._paced(seconds)):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _spoken(self) -> float:
        """Seconds of audio heard so far, with what is playing now."""
        return (len(self.heard) + len(self._heard_of_playback())) / _BYTES

    def _heard_of_playback(self) -> Pcm:
        playback = self._playback
        if playback is None:
            return b""
        samples = int((self._loop.time() - playback.began) / self._pace * SAMPLE_RATE)
        return playback.audio[: 2 * samples]

    # How it ends

    def finish(self, ended: Ended) -> None:
        """The call is over, whoever says so first."""
        if self.ended.is_set():
            return
        self.part()
        self._silence(completed=False)
        for path, began in self._recordings:
            self._write_recording(path, began)
        for timer in self._timers:
            timer.cancel()
        if self._script is not None and asyncio.current_task() is not self._script:
            self._script.cancel()
        self.cancelled = ended.fault in (Fault.RING_TIMEOUT, Fault.CANCELLED)
        self.hung_up_by = ended.hung_up_by
        self._tell(replace(ended, call_id=None if ended.fault is Fault.REFUSED else self.call_id))
        self.ended.set()

    def _silence(self, *, completed: bool) -> None:
        """Nothing is played any more."""
        playback = self._playback
        if playback is None:
            return
        self.heard += playback.audio if completed else self._heard_of_playback()
        playback.end.cancel()
        self._playback = None
        self._changed.set()
        self._tell(PlayFinished(playback.play_id, completed))

    @property
    def up(self) -> bool:
        """Whether the callee is on the line."""
        return self.answered.is_set() and not self.ended.is_set()

    def face(self, far: "FakeCall") -> None:
        """From now on what the callee says is heard at `far`."""
        if self._far is not far:
            self.part()
        self._silence(completed=False)
        self._far, self._joined_at = far, self._second()

    def part(self) -> None:
        """Each has heard what the other said while they were joined."""
        far, self._far = self._far, None
        if far is not None:
            first, last = (2 * int(second * SAMPLE_RATE) for second in (self._joined_at, self._second()))
            far.heard += self._callee.says[first:last]
            far.part()

    def _write_recording(self, path: Path, began: float) -> None:
        first, last = (2 * int(second * SAMPLE_RATE) for second in (began, self._second()))
        said = self._callee.says[first:last]
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(said + bytes(last - first - len(said)))

    # Paced time

    def _paced(self, seconds: float) -> float:
        return seconds * self._pace

    def _second(self) -> float:
        """Seconds since the answer, as the callee counts them."""
        return (self._loop.time() - self._answered_at) / self._pace if self.answered.is_set() else 0.0

    def _later(self, seconds: float, ended: Ended) -> None:
        self._timers.append(self._loop.call_later(self._paced(seconds), self.finish, ended))

    def _tell(self, event: CallEvent) -> None:
        self._events.put_nowait(event)
