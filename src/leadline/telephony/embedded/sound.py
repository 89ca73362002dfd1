"""The audio of one call inside its worker: what is being played, and the WAV of what is heard.

Everything here is driven by one pump for all calls, since baresip neither asks for samples nor waits for them: its
buffers hold two seconds each way.
"""

import asyncio
import contextlib
import wave
from collections.abc import Callable
from dataclasses import dataclass

from baresip import AudioNotActive, AudioRestarted, CallAudio

from leadline.telephony.engine import SAMPLE_RATE, Pcm, PlayFinished

TICK = 0.05
"""Seconds between two turns of the pump."""
BRIDGE_TICK = 0.02
"""Seconds between two turns for calls that are joined: one packet of audio."""
_BYTES = 2 * SAMPLE_RATE
"""Bytes of one second."""
_CUSHION = int(0.06 * _BYTES)
"""Silence put before what is relayed into an empty buffer, so that a packet that comes late leaves no gap."""
_MOST_BEHIND = int(0.3 * _BYTES)
"""What is relayed never waits longer than this: clocks that differ would let it fall further and further behind."""
_GAP_SECONDS = 0.2
"""A far end that sends nothing for longer than this has left a gap, kept as silence so that the WAV stays in time."""
_HOLD_SECONDS = 2.0
"""How much longer than it lasts a playback may take where the far end takes no audio."""
_WRITE, _READ = 8_192, 32_768


@dataclass(slots=True)
class _Playback:
    play_id: int
    rest: Pcm
    left: int = -1
    """Bytes that had not gone out at the last turn."""
    over: float = 0.0
    """When it is given up if nothing more goes out: what is said to who has put us on hold passes unheard."""


class Recording:
    """What the far end says, in time, as a WAV that is whole once closed."""

    def __init__(self, path: str, started: float) -> None:
        self._file = wave.open(path, "wb")  # noqa: SIM115, open for as long as the call
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(SAMPLE_RATE)
        self._started = started
        self._written = 0

    def take(self, pcm: Pcm, now: float) -> None:
        missing = int((now - self._started) * SAMPLE_RATE) * 2 - self._written - len(pcm)
        if missing > _GAP_SECONDS * _BYTES:
            self._write(bytes(missing))
        self._write(pcm)

    def _write(self, pcm: Pcm) -> None:
        self._file.writeframesraw(pcm)
        self._written += len(pcm)

    def close(self) -> None:
        self._file.close()


class Sound:
    """Plays one thing at a time, and records; silent until `attach` gives it the call's streams."""

    def __init__(self, finished: Callable[[PlayFinished], None]) -> None:
        self._finished = finished
        self._streams: CallAudio | None = None
        self._playback: _Playback | None = None
        self._recording: Recording | None = None
        self._far: Sound | None = None
        """Whose far end hears what ours says, and the other way round."""

    @property
    def joined(self) -> bool:
        return self._far is not None

    @property
    def active(self) -> bool:
        """Whether there is audio to exchange."""
        try:
            return self._streams is not None and bool(self._streams.info())
        except AudioNotActive:
            return False

    def attach(self, streams: CallAudio) -> None:
        self._streams = streams

    def join(self, other: "Sound") -> None:
        """Let the two far ends hear each other, until either is played to or closed."""
        self.face(other)
        other.face(self)

    def face(self, far: "Sound") -> None:
        """From now on what our far end says is said at `far`; what it said before is nobody's to hear."""
        if self._far is not far:
            self.part()
        self.stop_playing()
        self.pump()
        self._discard()
        self._far = far

    def part(self) -> None:
        """Neither hears the other any more."""
        far, self._far = self._far, None
        if far is not None:
            far.part()

    def play(self, play_id: int, audio: Pcm) -> None:
        self.part()
        self.stop_playing()
        self._playback = _Playback(play_id, audio)
        self.pump()

    def stop_playing(self) -> None:
        playback, self._playback = self._playback, None
        if playback is None:
            return
        if self._streams is not None:
            with contextlib.suppress(AudioNotActive, AudioRestarted):
                self._streams.flush_tx()
        self._finished(PlayFinished(playback.play_id, completed=False))

    def record(self, path: str) -> None:
        """Raises OSError if nothing can be written there."""
        self._discard()
        before, self._recording = self._recording, Recording(path, asyncio.get_running_loop().time())
        if before is not None:
            before.close()

    def pump(self) -> None:
        """Feed and drain the streams; those of a call that is just being hung up are gone already."""
        if self._streams is None:
            return
        waiting = 0
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            waiting = self._feed(self._streams)
        self._pass_unheard(waiting)
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            self._drain(self._streams)

    def _feed(self, streams: CallAudio) -> int:
        """Hand on what there is room for; returns how much has not gone out yet of what was handed on."""
        playback = self._playback
        if playback is None:
            return 0
        while playback.rest and (taken := streams.write(playback.rest[:_WRITE])):
            playback.rest = playback.rest[taken:]
        waiting: int = streams.info().tx_buffered
        if not playback.rest and not waiting:
            self._finish(playback)
        return waiting

    def _pass_unheard(self, waiting: int) -> None:
        playback, now = self._playback, asyncio.get_running_loop().time()
        if playback is None:
            return
        left = len(playback.rest) + waiting
        if left != playback.left:
            playback.left, playback.over = left, now + left / _BYTES + _HOLD_SECONDS
        elif now >= playback.over:
            self._finish(playback)

    def _finish(self, playback: _Playback) -> None:
        self._playback = None
        self._finished(PlayFinished(playback.play_id, completed=True))

    def _drain(self, streams: CallAudio) -> None:
        if self._recording is None and self._far is None:
            return
        heard = streams.read(_READ)
        if self._recording is not None:
            self._recording.take(heard, asyncio.get_running_loop().time())
        if self._far is not None and heard:
            self._far.relay(heard)

    def relay(self, said: Pcm) -> None:
        """Say what the other far end said."""
        if self._streams is None:
            return
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            waiting = self._streams.info().tx_buffered
            if waiting <= _MOST_BEHIND:
                self._streams.write(said if waiting else bytes(_CUSHION) + said)

    def _discard(self) -> None:
        """Forget what was said before anybody asked for it."""
        if self._streams is not None:
            with contextlib.suppress(AudioNotActive, AudioRestarted):
                self._streams.read(_READ)

    def close(self) -> None:
        """The call is over: what was playing was cut off, and the WAV is whole."""
        self.part()
        self.stop_playing()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close()
