"""What the embedded engine may be told, checked before any process is started."""

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from leadline.domain.errors import EngineUnavailable

MOST_CALLS = 200
"""A worker's calls may not be set higher: baresip stops at 255, with an error that names something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """How the engine listens, and how many processes share its calls."""

    host: str = "127.0.0.1"
    """The IPv4 address that SIP and RTP leave from and come to; 0.0.0.0 takes every address but loopback."""
    port: int = 0
    """The first worker's SIP port; 0, and every further worker, takes a free one."""
    external_address: str | None = None
    """Must be None: baresip writes its own address into Contact and SDP, and has no setting for another."""
    rtp_ports: tuple[int, int] = (30_000, 39_999)
    workers: int = 1
    calls_per_worker: int = 100
    """Beyond it `originate` is refused; 100 to 150 are held well by one process."""
    pace_per_worker: int = 12
    """INVITEs of a worker in any second; beyond 12 to 15 it keeps the calls that are up waiting."""
    identities_per_worker: int = 300
    """Caller ids and accounts a worker may have used before it is replaced: baresip cannot forget one."""
    response_timeout: float = 8.0
    """Our timer B: seconds from the INVITE in which anything at all must come back."""
    register_again: float = 5.0
    """Seconds after a registration that was not taken."""
    start_timeout: float = 20.0
    """Seconds a worker may take to come up."""
    stop_timeout: float = 10.0
    """Seconds `stop` waits for calls to be hung up before it kills."""
    first_pause: float = 0.2
    longest_pause: float = 10.0
    """Seconds before a dead worker is started again: doubling from the one to the other."""

    def check(self) -> None:
        """Raises `EngineUnavailable` naming the setting that cannot work, and what would."""
        try:
            IPv4Address(self.host)
        except AddressValueError:
            raise EngineUnavailable(
                f"sip.listen: {self.host!r} is no IPv4 address; write one of this machine, 127.0.0.1 or 0.0.0.0"
            ) from None
        if self.external_address is not None:
            raise EngineUnavailable(
                f"sip.external_address: the embedded engine cannot announce {self.external_address}, only the address "
                "it listens on; leave it out and listen on an address that the trunk reaches, or use an Asterisk switch"
            )
        low, high = self.rtp_ports
        if not 1024 <= low < high <= 65_535:  # noqa: PLR2004, the ports there are
            raise EngineUnavailable(f"sip.rtp_ports: {low}-{high} is no range of ports; write 30000-39999")
        if self.workers < 1 or not 1 <= self.calls_per_worker <= MOST_CALLS:
            raise EngineUnavailable(
                f"the embedded engine needs at least 1 worker of 1 to {MOST_CALLS} calls, "
                f"not {self.workers} of {self.calls_per_worker}"
            )
        if self.pace_per_worker < 1:
            raise EngineUnavailable(f"a worker must make at least 1 call a second, not {self.pace_per_worker}")
