"""SIP messages as they stand in a datagram (RFC 3261, section 7): parsed, answered, written."""

import re
from dataclasses import dataclass

COMPACT = {
    "i": "call-id",
    "f": "from",
    "t": "to",
    "v": "via",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}
PHRASES = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
    603: "Decline",
}
_TAG = re.compile(r";\s*tag=([^;>\s]+)")
_USER = re.compile(r"sips?:([^@;>?]+)@")


class NotSip(ValueError):
    """The datagram is no SIP message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response: its first line, its headers in order, its body."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @classmethod
    def parse(cls, datagram: bytes) -> "Message":
        """Raises `NotSip` for keep-alives and noise."""
        head, _, body = datagram.partition(b"\r\n\r\n")
        start, *lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        if "SIP/2.0" not in start:
            raise NotSip(start[:40])
        pairs = (line.partition(":") for line in lines)
        return cls(start, tuple((name.strip(), value.strip()) for name, _, value in pairs), body)

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body

    def all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if COMPACT.get(key.lower(), key.lower()) == wanted]

    def get(self, name: str) -> str:
        """The first header of that name, "" where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int | None:
        """The status of a response, None for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else None

    @property
    def method(self) -> str:
        """The method of a request, or the one that a response answers."""
        return self.get("cseq").split()[-1] if self.status is not None else self.start.split()[0]

    @property
    def uri(self) -> str:
        return self.start.split()[1]

    @property
    def sequence(self) -> int:
        return int(self.get("cseq").split()[0])


def respond(request: Message, status: int, tag: str, *headers: tuple[str, str], body: bytes = b"") -> Message:
    """The response to `request`: its Vias, From, To (with our tag), Call-ID and CSeq (RFC 3261, 8.2.6)."""
    to = request.get("to")
    if status != 100 and tag_of(to) is None:  # noqa: PLR2004, a 100 makes no dialog
        to = f"{to};tag={tag}"
    echoed = [("Via", via) for via in request.all("via")]
    echoed += [("Record-Route", route) for route in request.all("record-route")]
    echoed += [("From", request.get("from")), ("To", to)]
    echoed += [("Call-ID", request.get("call-id")), ("CSeq", request.get("cseq"))]
    return Message(f"SIP/2.0 {status} {PHRASES.get(status, 'Refused')}", (*echoed, *headers), body)


def tag_of(address: str) -> str | None:
    found = _TAG.search(address)
    return found.group(1) if found else None


def user_of(address: str) -> str:
    """The user part of a URI or of a From or To header, "" where it has none."""
    found = _USER.search(address)
    return found.group(1) if found else ""


def uri_of(address: str) -> str:
    """The bare URI of a From, To or Contact header."""
    return address.partition("<")[2].partition(">")[0] or address.partition(";")[0].strip()
