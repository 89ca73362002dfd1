"""What the phone hears: kept as audio, and told apart into speech and silence for callees who wait for either."""

import asyncio
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from leadline.telephony.engine import SAMPLE_RATE, Pcm

LOUD = 300.0
"""The RMS from which a frame counts as speech; a line's own noise stays far below it."""
_LONGEST_GAP = 10 * SAMPLE_RATE
"""A jump of the sender's clock beyond this many samples is a new clock, not a gap."""


class Ear:
    """The far end's audio in its own time: late packets find their place, lost ones are silence."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._origin: int | None = None
        self._spoken = 0
        """Samples of speech so far."""
        self._silence = 0
        """Samples since the last of them."""
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @property
    def pcm(self) -> Pcm:
        return bytes(self._pcm)

    @property
    def seconds(self) -> float:
        return len(self._pcm) / 2 / SAMPLE_RATE

    def write_wav(self, path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(self._pcm)

    def take(self, timestamp: int, frame: Pcm) -> None:
        """One RTP frame: placed by its timestamp, then weighed."""
        end = len(self._pcm) // 2
        if self._origin is None:
            self._origin = timestamp
        place = (timestamp - self._origin) & 0xFFFFFFFF
        if abs(place - end) > _LONGEST_GAP:
            self._origin, place = (timestamp - end) & 0xFFFFFFFF, end
        self._pcm.extend(bytes(max(0, place - end) * 2))
        self._pcm[place * 2 : place * 2 + len(frame)] = frame
        self._weigh(frame)

    def _weigh(self, frame: Pcm) -> None:
        if loudness(frame) >= LOUD:
            self._spoken, self._silence = self._spoken + len(frame) // 2, 0
        else:
            self._silence += len(frame) // 2
        for ready, future in self._waiting:
            if not future.done() and ready():
                future.set_result(None)

    async def speech_over(self, silence: float) -> None:
        """Wait for new speech and then `silence` seconds without any."""
        before = self._spoken
        await self._until(lambda: self._spoken > before and self._silence >= silence * SAMPLE_RATE)

    async def speech(self, seconds: float) -> None:
        """Wait for `seconds` of new speech."""
        before = self._spoken
        await self._until(lambda: self._spoken - before > seconds * SAMPLE_RATE)

    async def hears(self, seconds: float) -> None:
        """Wait until there is audio of that length, speech or silence."""
        await self._until(lambda: self.seconds >= seconds)

    async def _until(self, ready: Callable[[], bool]) -> None:
        if ready():
            return
        entry = (ready, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        try:
            await entry[1]
        finally:
            self._waiting.remove(entry)


def loudness(pcm: Pcm) -> float:
    """The root mean square of the samples, 0 to 32,767."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0


def speech_seconds(pcm: Pcm, frame: int = 160) -> float:
    """How long the frames of 20 ms with speech in them are, all together."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    frames = samples[: samples.size // frame * frame].reshape(-1, frame)
    return float(np.count_nonzero(np.sqrt(np.mean(frames**2, axis=1)) >= LOUD)) * frame / SAMPLE_RATE
