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
_BYTES = 2 * SAMPLE_RATE
"""Bytes of one second."""
_GAP_SECONDS = 0.2
"""A far end that sends nothing for longer than this has left a gap, kept as silence so that the WAV stays in time."""
_WRITE, _READ = 8_192, 32_768


@dataclass(slots=True)
class _Playback:
    play_id: int
    rest: Pcm


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

    def attach(self, streams: CallAudio) -> None:
        self._streams = streams

    def play(self, play_id: int, audio: Pcm) -> None:
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
        if self._streams is not None:
            with contextlib.suppress(AudioNotActive, AudioRestarted):
                self._streams.read(_READ)  # said before it was asked for
        before, self._recording = self._recording, Recording(path, asyncio.get_running_loop().time())
        if before is not None:
            before.close()

    def pump(self) -> None:
        """Feed and drain the streams; those of a call that is just being hung up are gone already."""
        if self._streams is None:
            return
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            self._feed(self._streams)
        with contextlib.suppress(AudioNotActive, AudioRestarted):
            self._drain(self._streams)

    def _feed(self, streams: CallAudio) -> None:
        playback = self._playback
        if playback is None:
            return
        while playback.rest and (taken := streams.write(playback.rest[:_WRITE])):
            playback.rest = playback.rest[taken:]
        if not playback.rest and not streams.info().tx_buffered:
            self._playback = None
            self._finished(PlayFinished(playback.play_id, completed=True))

    def _drain(self, streams: CallAudio) -> None:
        if self._recording is not None:
            self._recording.take(streams.read(_READ), asyncio.get_running_loop().time())

    def close(self) -> None:
        """The call is over: what was playing was cut off, and the WAV is whole."""
        self.stop_playing()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close()
