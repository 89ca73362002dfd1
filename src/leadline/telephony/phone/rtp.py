"""One RTP stream each way (RFC 3550) in G.711, and keys by telephone-event (RFC 4733)."""

import asyncio
import secrets
import struct
from collections import deque
from typing import cast

from leadline.telephony.engine import SAMPLE_RATE, Pcm
from leadline.telephony.phone.ear import Ear
from leadline.telephony.phone.sdp import Media

FRAME = 160
"""Samples of one packet: 20 ms."""
_KEYS = "0123456789*#ABCD"
_PRESSED, _PAUSE = 5, 4
"""Packets of 20 ms that a key is held, and that lie between two."""
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_VERSION = 0x80
_MARKER = 0x80
_END_AND_VOLUME = 0x80 | 10


class Rtp(asyncio.DatagramProtocol):
    """The media of one call: sends a packet every 20 ms from `talk` on, hears from the first that comes."""

    def __init__(self) -> None:
        self.ear = Ear()
        self.keys_sent = asyncio.Event()
        self._media: Media | None = None
        self._speech: Pcm = b""
        self._keys: deque[bytes | None] = deque()
        self._sequence, self._timestamp = secrets.randbits(16), secrets.randbits(31)
        self._source = secrets.randbits(32)
        self._key_started = 0
        self._talking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, host: str) -> "Rtp":
        """Listens at a free port of `host`."""
        loop = asyncio.get_running_loop()
        _, session = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        return session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def port(self) -> int:
        return int(self._transport.get_extra_info("sockname")[1])

    def agree(self, media: Media) -> None:
        self._media = media

    def talk(self, speech: Pcm) -> None:
        """Say `speech` from now on, and silence after it."""
        self._speech = speech
        self._talking = asyncio.create_task(self._talk())

    async def press(self, digits: str) -> None:
        """Press the keys after one another; returns when the last has been let go."""
        self.keys_sent.clear()
        for digit in digits:
            self._keys.extend(_key_packets(_KEYS.index(digit)))
            self._keys.extend([None] * _PAUSE)
        await self.keys_sent.wait()

    def close(self) -> None:
        self._transport.close()
        if self._talking is not None:
            self._talking.cancel()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        media = self._media
        if media is None or len(data) < _HEADER.size or addr[1] != media.address[1]:
            return
        first, kind, _, timestamp, _ = _HEADER.unpack_from(data)
        if first & 0xC0 == _VERSION and kind & 0x7F == media.codec.payload_type:
            sources = 4 * (first & 0x0F)
            self.ear.take(timestamp, media.codec.decode(data[_HEADER.size + sources :]))

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._send_next()
            due += FRAME / SAMPLE_RATE
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _send_next(self) -> None:
        media = self._media
        if media is None:
            return
        key = self._keys.popleft() if self._keys else None
        if not self._keys:
            self.keys_sent.set()
        if key is not None and media.keys is not None:
            started = _EVENT.unpack(key)[2] == FRAME
            self._key_started = self._timestamp if started else self._key_started
            self._send(media.keys | (_MARKER if started else 0), self._key_started, key)
        else:
            frame, self._speech = self._speech[: FRAME * 2], self._speech[FRAME * 2 :]
            frame += bytes(FRAME * 2 - len(frame))
            self._send(media.codec.payload_type, self._timestamp, media.codec.encode(frame))
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF

    def _send(self, kind: int, timestamp: int, payload: bytes) -> None:
        header = _HEADER.pack(_VERSION, kind, self._sequence, timestamp, self._source)
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self._media is not None and not self._transport.is_closing():
            self._transport.sendto(header + payload, self._media.address)


def _key_packets(event: int) -> list[bytes]:
    """A key held for 100 ms: packets of growing duration, the last sent three times with the end bit."""
    held = [_EVENT.pack(event, 10, FRAME * (n + 1)) for n in range(_PRESSED)]
    return held + [_EVENT.pack(event, _END_AND_VOLUME, FRAME * (_PRESSED + 1))] * 3
