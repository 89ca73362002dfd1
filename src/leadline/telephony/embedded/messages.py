"""What the engine and a worker process say to one another: typed messages, each in a frame of its own.

A frame is four bytes of length and one msgpack message. Calls are named by a number that the engine gives out,
never by anything that came from the network.
"""

import asyncio
import struct
from typing import Any

import msgspec

from leadline.telephony.engine import (
    Answered,
    CallEvent,
    Digit,
    Ended,
    Invite,
    Placed,
    PlayFinished,
    Registrant,
    Ringing,
)

_LENGTH = struct.Struct("!I")
_EVENTS: dict[str, type[CallEvent]] = {
    kind.__name__: kind for kind in (Placed, Ringing, Answered, Digit, PlayFinished, Ended)
}


class Configure(msgspec.Struct, frozen=True, tag=True):
    """The first message a worker gets; it answers `Ready` or `Failed`."""

    host: str
    port: int
    rtp_ports: tuple[int, int]
    identities: int
    response_timeout: float
    register_again: float
    directory: str
    """Where baresip may keep files; gone with the worker."""


class Originate(msgspec.Struct, frozen=True, tag=True):
    call: int
    invite: Invite


class Play(msgspec.Struct, frozen=True, tag=True):
    call: int
    play_id: int
    audio: bytes


class StopPlaying(msgspec.Struct, frozen=True, tag=True):
    call: int


class Record(msgspec.Struct, frozen=True, tag=True):
    call: int
    path: str


class Hangup(msgspec.Struct, frozen=True, tag=True):
    call: int


class Join(msgspec.Struct, frozen=True, tag=True):
    """Let two far ends hear each other."""

    call: int
    other: int


class Register(msgspec.Struct, frozen=True, tag=True):
    """Be registered; of each trunk as the last registrant that was given."""

    registrant: Registrant


class Unregister(msgspec.Struct, frozen=True, tag=True):
    """Be registered with a trunk no more."""

    trunk: str


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """Hang up whatever is up, then exit."""


Command = Configure | Originate | Play | StopPlaying | Record | Join | Hangup | Register | Unregister | Shutdown


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The stack is up and listens there."""

    port: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The stack cannot come up; the worker exits."""

    reason: str


class Worn(msgspec.Struct, frozen=True, tag=True):
    """The worker has used as many identities as it may: no new calls, please, and then an end."""


class Registered(msgspec.Struct, frozen=True, tag=True):
    """A registration was taken, or is missing, and why."""

    trunk: str
    missing: str | None


class Told(msgspec.Struct, frozen=True, tag=True):
    """A call speaks."""

    call: int
    kind: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, call: int, event: CallEvent) -> "Told":
        return cls(call, type(event).__name__, msgspec.to_builtins(event))

    @property
    def event(self) -> CallEvent:
        return msgspec.convert(self.fields, _EVENTS[self.kind])


Report = Ready | Failed | Worn | Registered | Told

_encoder = msgspec.msgpack.Encoder()
_commands = msgspec.msgpack.Decoder[Command](Command)
_reports = msgspec.msgpack.Decoder[Report](Report)


def write(message: Command | Report, writer: asyncio.StreamWriter) -> None:
    """Queue one message; one for a peer that is gone is lost, as it would be on the way."""
    if not writer.is_closing():
        body = _encoder.encode(message)
        writer.write(_LENGTH.pack(len(body)) + body)


async def read_command(reader: asyncio.StreamReader) -> Command | None:
    """The next command, None once the engine is gone."""
    body = await _read(reader)
    return None if body is None else _commands.decode(body)


async def read_report(reader: asyncio.StreamReader) -> Report | None:
    """The next report, None once the worker is gone."""
    body = await _read(reader)
    return None if body is None else _reports.decode(body)


async def _read(reader: asyncio.StreamReader) -> bytes | None:
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
