"""The little of SDP (RFC 4566) that an audio call needs: an offer read, an answer written."""

import re
from dataclasses import dataclass

from leadline.telephony.phone.g711 import CODECS, Codec

_CONNECTION = re.compile(r"^c=IN IP[46] (\S+)", re.MULTILINE)
_AUDIO = re.compile(r"^m=audio (\d+) \S+ ([\d ]+)", re.MULTILINE)
_KEYS = re.compile(r"^a=rtpmap:(\d+) telephone-event/8000", re.MULTILINE | re.IGNORECASE)


class NoCommonCodec(ValueError):
    """The offer has no audio in PCMA or PCMU."""


@dataclass(frozen=True, slots=True)
class Media:
    """Where the caller wants its audio, in what codec, and the payload type of its keys (None: it takes none)."""

    address: tuple[str, int]
    codec: Codec
    keys: int | None


def read_offer(body: bytes) -> Media:
    """The first codec of the offer that we have; raises `NoCommonCodec`."""
    text = body.decode("utf-8", "replace").replace("\r\n", "\n")
    audio, connection, keys = _AUDIO.search(text), _CONNECTION.search(text), _KEYS.search(text)
    if audio is None or connection is None:
        raise NoCommonCodec("no audio is offered")
    offered = [CODECS[number] for number in map(int, audio.group(2).split()) if number in CODECS]
    if not offered:
        raise NoCommonCodec("neither PCMA nor PCMU is offered")
    return Media((connection.group(1), int(audio.group(1))), offered[0], int(keys.group(1)) if keys else None)


def write_answer(host: str, port: int, media: Media) -> bytes:
    codec = media.codec
    lines = ["v=0", f"o=phone 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    payloads = [codec.payload_type] + ([] if media.keys is None else [media.keys])
    lines += [f"m=audio {port} RTP/AVP {' '.join(map(str, payloads))}"]
    lines += [f"a=rtpmap:{codec.payload_type} {codec.name}/8000"]
    if media.keys is not None:
        lines += [f"a=rtpmap:{media.keys} telephone-event/8000", f"a=fmtp:{media.keys} 0-15"]
    return "\r\n".join([*lines, "a=ptime:20", "a=sendrecv", ""]).encode()
