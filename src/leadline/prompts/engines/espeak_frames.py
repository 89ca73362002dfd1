"""What Leadline and its espeak process say to one another: a frame is four bytes of length and one msgpack message."""

import struct
from typing import Final

import msgspec

LENGTH: Final = struct.Struct("!I")


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The library is loaded: prompts may come."""


class Say(msgspec.Struct, frozen=True, tag=True):
    """Speak a text with a voice of espeak-ng's own naming."""

    voice: str
    text: str


class Spoken(msgspec.Struct, frozen=True, tag=True):
    """The audio of the last `Say`: signed 16-bit mono PCM at 8,000 Hz."""

    audio: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Why the library could not be loaded, or a text not spoken."""

    reason: str


Answer = Ready | Spoken | Failed

_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder[Answer](Answer)
_orders = msgspec.msgpack.Decoder[Say](Say)


def framed(message: Say | Answer) -> bytes:
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def answer(body: bytes) -> Answer:
    decoded: Answer = _answers.decode(body)
    return decoded


def order(body: bytes) -> Say:
    return _orders.decode(body)
