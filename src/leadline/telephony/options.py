"""OPTIONS (RFC 3261, section 11): whether anybody answers at an address; what the answer says does not matter."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final

from leadline.domain.policy import TrunkPolicy
from leadline.telephony.asking import TIMEOUT, Place, asking, place_of

ANY: Final = "0.0.0.0"


def address_of(uri: str) -> Place | None:
    """Where requests to this URI go, if that is an address; a name may stand for many, and is not asked."""
    there = place_of(uri)
    try:
        ip_address(there.host if there else "")
    except ValueError:
        return None
    return there


def probing(local: str) -> Callable[[TrunkPolicy], Awaitable[bool] | None]:
    """How trunks are asked from a local address; None for one of a name, or that is not spoken to over UDP."""

    def probe(trunk: TrunkPolicy) -> Awaitable[bool] | None:
        there = address_of(trunk.uri)
        if there is None or trunk.transport != "udp":
            return None
        return answers(there, None if local == ANY else local)

    return probe


async def answers(there: Place, local: str | None = None, within: float = TIMEOUT) -> bool:
    """Whether any final response comes from this address over UDP; asked from `local`, if that is given."""
    try:
        async with asking(there, local) as one:
            contact = f"sip:leadline@{one.here}"
            accepts = ("Accept", "application/sdp")
            return await one.ask("OPTIONS", f"sip:{there}", contact, ("Contact", f"<{contact}>"), accepts,
                                 within=within) is not None  # fmt: skip
    except OSError:
        return False
