"""G.711 both ways by table (ITU-T G.711): PCMA and PCMU against 16-bit samples."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadline.telephony.engine import Pcm

Samples = npt.NDArray[np.int16]
_CODES = np.arange(256, dtype=np.int32)
_MU_BIAS = 0x84


def _alaw_to_linear() -> Samples:
    codes = _CODES ^ 0x55
    segment, mantissa = (codes & 0x70) >> 4, (codes & 0x0F) << 4
    magnitude = np.where(segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


def _mulaw_to_linear() -> Samples:
    codes = ~_CODES & 0xFF
    magnitude = ((((codes & 0x0F) << 3) + _MU_BIAS) << ((codes & 0x70) >> 4)) - _MU_BIAS
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Codec:
    """One G.711 law: its static RTP payload type, its name in SDP, its tables."""

    payload_type: int
    name: str
    to_linear: Samples
    to_code: npt.NDArray[np.uint8]

    def decode(self, payload: bytes) -> Pcm:
        return self.to_linear[np.frombuffer(payload, np.uint8)].astype("<i2").tobytes()

    def encode(self, pcm: Pcm) -> bytes:
        return self.to_code[np.frombuffer(pcm, "<i2").astype(np.int32) + 0x8000].tobytes()


def _codec(payload_type: int, name: str, to_linear: Samples) -> Codec:
    """The encoder is the nearest entry of the decoder's table, for each of the 65,536 samples."""
    order = np.argsort(to_linear, kind="stable")
    levels = to_linear[order].astype(np.int32)
    samples = np.arange(-0x8000, 0x8000, dtype=np.int32)
    nearest = np.searchsorted((levels[:-1] + levels[1:]) / 2, samples)
    return Codec(payload_type, name, to_linear, order[nearest].astype(np.uint8))


PCMU = _codec(0, "PCMU", _mulaw_to_linear())
PCMA = _codec(8, "PCMA", _alaw_to_linear())
CODECS = {codec.payload_type: codec for codec in (PCMA, PCMU)}
