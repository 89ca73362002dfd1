"""The espeak-ng process: `python -I -m leadline.prompts.engines.espeak_process SOCKET PARENT`.

espeak-ng is under the GPL 3, and it is native code that is handed customers' names: both are reasons for a process
of its own. It reads `Say`, answers `Spoken`, one at a time, and ends with its parent.
"""

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import espeakng_loader
import numpy as np
import soxr

from leadline.prompts.engines.espeak_frames import LENGTH, Failed, Ready, Spoken, framed, order
from leadline.telephony.engine import SAMPLE_RATE

# speak_lib.h
SYNCHRONOUS, NO_EXIT, UTF_8, OK = 2, 0x8000, 1, 0

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

LOUDEST: Final = 0.9
"""The highest peak, of full scale: a louder voice is turned down, so that no codec clips it."""
SILENT: Final = 0.006
"""What is quieter than this share of full scale is silence."""
LEAD_IN, LEAD_OUT = SAMPLE_RATE // 50, SAMPLE_RATE // 10
"""Samples of silence left before the first and after the last sound: 20 ms, 100 ms."""

_HEARD: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Library:
    """espeak-ng as loaded into this process; raises OSError if it cannot be."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._espeak = ctypes.CDLL(espeakng_loader.get_library_path())
        self._espeak.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        )
        data = espeakng_loader.get_data_path()
        self._rate: int = self._espeak.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data), NO_EXIT)
        if self._rate <= 0:
            raise OSError(f"espeak-ng cannot use its data in {data}")
        # Held for as long as the library may call it.
        self._callback = _HEARD(self._hear)
        self._espeak.espeak_SetSynthCallback(self._callback)

    def say(self, voice: str, text: str) -> bytes:
        """The text as telephone audio; raises OSError if espeak-ng refuses."""
        if self._espeak.espeak_SetVoiceByName(voice.encode()) != OK:
            raise OSError(f"espeak-ng has no voice {voice!r}")
        self._heard.clear()
        # Not SSML, not phonemes: whatever stands in a customer's name is read out as text.
        written = text.encode()
        if self._espeak.espeak_Synth(written, len(written) + 1, 0, 0, 0, UTF_8, None, None) != OK:
            raise OSError("espeak-ng could not speak the text")
        return telephone(np.frombuffer(bytes(self._heard), "<i2"), self._rate)

    def _hear(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count:
            self._heard += ctypes.string_at(samples, count * 2)
        return 0


def telephone(samples: Any, rate: int) -> bytes:
    """Samples as the engines play them: 8,000 Hz, no more silence than makes a pause, peaks below full scale."""
    sound = soxr.resample(samples.astype(np.float32) / 32_768, rate, SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(sound) > SILENT)
    if not loud.size:
        return bytes(2 * LEAD_OUT)
    sound = np.pad(sound, (LEAD_IN, LEAD_OUT))[loud[0] : loud[-1] + 1 + LEAD_IN + LEAD_OUT]
    sound *= min(1.0, LOUDEST / float(np.abs(sound).max()))
    return bytes((sound * 32_767).round().astype("<i2").tobytes())


def serve(requests: BinaryIO, answer: Callable[[bytes], None]) -> None:
    """Answer until the parent hangs up."""
    try:
        library = Library()
    except OSError as error:
        answer(framed(Failed(str(error))))
        return
    answer(framed(Ready()))
    while len(header := requests.read(LENGTH.size)) == LENGTH.size:
        wanted = order(requests.read(*LENGTH.unpack(header)))
        try:
            answer(framed(Spoken(library.say(wanted.voice, wanted.text))))
        except OSError as error:
            answer(framed(Failed(str(error))))


def main() -> None:
    fileno, parent = map(int, sys.argv[1:])
    # The terminal's Ctrl-C is Leadline's to answer: it hangs up when it has done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            return
    with socket.socket(fileno=fileno) as line, line.makefile("rb") as requests:
        try:
            serve(requests, line.sendall)
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
