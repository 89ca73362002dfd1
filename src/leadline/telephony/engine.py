"""What every telephony engine does, and the events by which a call speaks.

An engine only translates: it sends one INVITE for one `Invite`, reports what the network said as
`CallEvent`s, and obeys. It holds no rule of dialing; late, repeated and out-of-order events are dropped by
rule in `calling/`, though an engine never reports anything after `Ended`.

Audio is always signed 16-bit little-endian mono PCM at 8,000 samples a second (`Pcm`).
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

SAMPLE_RATE = 8_000
"""Samples a second of all audio handed to or taken from an engine."""

Pcm = bytes
"""Signed 16-bit little-endian mono audio at `SAMPLE_RATE`."""


@dataclass(frozen=True, slots=True)
class Account:
    """How we present ourselves to a trunk; with a username, a 401 or 407 is answered by digest (RFC 8760)."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: str = "udp"
    codecs: tuple[str, ...] = ("pcma", "pcmu")


@dataclass(frozen=True, slots=True)
class Registrant:
    """Who registers over which trunk, and where (RFC 3261, section 10)."""

    trunk: str
    registrar: str
    """Host and port."""
    account: Account


TrunkTold = Callable[[str, str | None], None]
"""Hears of a trunk that its registration is taken, or, with the reason, that it is missing."""


@dataclass(frozen=True, slots=True)
class Invite:
    """One INVITE to be sent; `attempt_id` travels in it as `X-Leadline-Attempt` and names the call ever after."""

    attempt_id: str
    uri: str
    """The request URI, `sip:00441632960961@carrier.example:5060`."""
    ring_timeout: float
    """Seconds from the INVITE to our CANCEL if nobody has answered."""
    caller_id: str | None = None
    """The user part of From; None sends the account's username, else `leadline`."""
    account: Account = Account()
    headers: Mapping[str, str] = field(default_factory=dict)


class Hangup(StrEnum):
    """Who ended an answered call."""

    CUSTOMER = "customer"
    US = "us"


class Fault(StrEnum):
    """Why a call ended without a final SIP answer that says so."""

    NO_RESPONSE = "no_response"
    """Not even a provisional answer within timer B as we set it (8 s), or the address refused the packet."""
    RING_TIMEOUT = "ring_timeout"
    """We sent CANCEL because `ring_timeout` had passed."""
    CANCELLED = "cancelled"
    """We hung up before an answer because we were told to."""
    NO_AUDIO = "no_audio"
    """The 200 agreed on no audio that we understand, so that we said BYE: nobody was spoken to."""
    REFUSED = "refused"
    """The engine could not send the INVITE at all (full, bad URI); nothing rang."""
    ENGINE_LOST = "engine_lost"
    """The process that held the call died: whether the phone rang cannot be known."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The INVITE has left; `call_id` is the SIP Call-ID where the engine knows it already."""

    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ringing:
    """A 180 or 183 came."""

    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The 200 came and media is up: `play` works from here on."""

    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Digit:
    """The far end pressed a key (RFC 4733): one of `0123456789*#ABCD`."""

    digit: str


@dataclass(frozen=True, slots=True)
class PlayFinished:
    """The playback that `play` numbered is over; `completed` is False if it was stopped before its end."""

    play_id: int
    completed: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over, always the last event.

    `sip_status` is the final answer to the INVITE (200 if answered), None where none came.
    `cause` is the Q.850 number of a Reason header (RFC 3326), None where there was none.
    `hung_up_by` is set only for an answered call.
    """

    sip_status: int | None = None
    cause: int | None = None
    fault: Fault | None = None
    hung_up_by: Hangup | None = None
    call_id: str | None = None
    reason: str = ""
    """What the stack said in words, for the log and the timeline."""


CallEvent = Placed | Ringing | Answered | Digit | PlayFinished | Ended


class Call(Protocol):
    """One call, from its INVITE to its `Ended`. Commands to a call that is over do nothing and raise nothing."""

    @property
    def attempt_id(self) -> str: ...

    def events(self) -> AsyncIterator[CallEvent]:
        """Every event in order from the first, ending after `Ended`; to be iterated once."""
        ...

    async def play(self, audio: Pcm) -> int:
        """Play to the far end, after whatever is playing has been stopped; the number returned names it in
        `PlayFinished`, which comes when the last sample has gone out."""
        ...

    async def stop_playing(self) -> None:
        """Fall silent at once; `PlayFinished(completed=False)` follows if anything was playing."""
        ...

    async def record(self, path: Path) -> None:
        """Write what the far end says from now on to a WAV at `path`; the file is whole when `Ended` comes."""
        ...

    async def join(self, other: "Call") -> None:
        """Let the two far ends hear each other, instead of whatever is played to them.

        Both calls must be answered, and one originated `beside` the other (else ValueError). They are parted when
        something is played to either, and when either ends, which leaves the other up.
        """
        ...

    async def hangup(self) -> None:
        """End the call: BYE if answered, else CANCEL; `Ended` follows."""
        ...


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much an engine can take now: `calls` up, of at most `most`."""

    calls: int
    most: int
    wait: float | None = None
    """Seconds until it can take more by time alone, where it begins only so many calls in a second."""

    @property
    def free(self) -> int:
        """How many more it would take."""
        return self.most - self.calls


class Engine(Protocol):
    """A thing that places calls.

    `originate` returns as soon as the INVITE has been handed over, and never raises for what the network
    says: that comes as `Ended`. It raises `EngineUnavailable` if the engine is down or full, and then
    **no INVITE has left and none will**.
    """

    @property
    def name(self) -> str: ...

    @property
    def available(self) -> bool:
        """Whether `originate` would be taken now."""
        ...

    @property
    def capacity(self) -> Capacity: ...

    async def start(self) -> None:
        """Bring the engine up; raises `EngineUnavailable` with the remedy (port taken, library missing)."""
        ...

    async def stop(self) -> None:
        """Hang up what is up and leave no process behind."""
        ...

    async def originate(self, invite: Invite, *, beside: Call | None = None) -> Call:
        """Place a call; one `beside` another may be joined with it, and fails as unavailable if that one is over."""
        ...
