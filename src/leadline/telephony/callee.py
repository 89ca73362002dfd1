"""How a called number behaves: the script that the test phone plays over SIP and RTP, and the fake engine without."""

from dataclasses import dataclass
from enum import StrEnum

from leadline.telephony.engine import Pcm


class Moment(StrEnum):
    """What a press waits for; each waits for something newer than the press before it."""

    AFTER = "after"
    """`seconds` of time since the answer, or since the press before it."""
    AFTER_SPEECH = "after_speech"
    """Speech was heard, then `seconds` of silence: a customer who lets us finish."""
    DURING_SPEECH = "during_speech"
    """`seconds` of speech were heard and it goes on: barge-in."""


@dataclass(frozen=True, slots=True)
class Press:
    """Keys pressed at one moment, each of `0123456789*#ABCD`."""

    digits: str
    seconds: float = 0.0
    moment: Moment = Moment.AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """What one number does with an INVITE; made by the methods below rather than by hand."""

    status: int | None = 200
    """The final answer; None: it rings for ever (and honours CANCEL)."""
    cause: int | None = None
    """A Q.850 number sent along in `Reason` (RFC 3326)."""
    silent: bool = False
    """Not one byte comes back, whatever is sent."""
    trying: bool = False
    """100 at once, then nothing: a carrier that searches."""
    rings: float | None = 0.0
    """Seconds between the 180 and the final answer; None: no 180 at all."""
    presses: tuple[Press, ...] = ()
    says: Pcm = b""
    """Spoken once, from the answer on."""
    hangs_up_after: float | None = None
    """Seconds from the answer to its BYE; None: it waits for ours."""

    @classmethod
    def answers(
        cls,
        *presses: Press,
        rings: float | None = 0.0,
        says: Pcm = b"",
        hangs_up_after: float | None = None,
    ) -> "Callee":
        return cls(presses=presses, rings=rings, says=says, hangs_up_after=hangs_up_after)

    @classmethod
    def refuses(cls, status: int, *, cause: int | None = None, rings: float | None = None) -> "Callee":
        """Any final status of 300 to 699, with or without a Q.850 cause."""
        return cls(status=status, cause=cause, rings=rings)

    @classmethod
    def busy(cls) -> "Callee":
        return cls.refuses(486, cause=17)

    @classmethod
    def not_found(cls) -> "Callee":
        return cls.refuses(404, cause=1)

    @classmethod
    def unavailable(cls) -> "Callee":
        return cls.refuses(480)

    @classmethod
    def declined(cls) -> "Callee":
        return cls.refuses(603)

    @classmethod
    def congested(cls) -> "Callee":
        return cls.refuses(503, cause=34)

    @classmethod
    def rings_for_ever(cls) -> "Callee":
        return cls(status=None)

    @classmethod
    def searches_for_ever(cls) -> "Callee":
        """A 100 and nothing more: alive, so that only the ring timeout ends it."""
        return cls(status=None, trying=True, rings=None)

    @classmethod
    def dead(cls) -> "Callee":
        """No answer of any kind: the host is gone."""
        return cls(status=None, silent=True, rings=None)
