"""The configuration as a file gives it: plain frozen values, every default filled in."""

from dataclasses import dataclass, field
from datetime import date

from leadline.domain.flow import Flow
from leadline.domain.policy import ProcessPolicy, TrunkPolicy


@dataclass(frozen=True, slots=True)
class Sip:
    """Where the embedded engine listens, what it says of itself, which ports carry audio (both taken)."""

    listen: tuple[str, int] = ("127.0.0.1", 0)
    external_address: str | None = None
    rtp_ports: tuple[int, int] = (30_000, 39_999)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody of an organisation; logins are lower case."""

    login: str
    name: str | None = None
    role: str = "agent"
    endpoint: str | None = None
    """Where they are called: a SIP URI, or a number in E.164."""


@dataclass(frozen=True, slots=True)
class ConfiguredProcess:
    """A campaign, and the flow that it calls customers with."""

    policy: ProcessPolicy
    flow: Flow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredOrganisation:
    """A company that pushes; `do_not_call` is in E.164, sorted."""

    name: str
    apikey: str = field(repr=False)
    timezone: str = "UTC"
    lenient_json: bool = False
    tts_until: date | None = None
    users: tuple[User, ...] = ()
    do_not_call: tuple[str, ...] = ()
    processes: tuple[ConfiguredProcess, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfiguredTrunk:
    """A way out, and the password that it asks for."""

    policy: TrunkPolicy
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that the file says."""

    organisations: tuple[ConfiguredOrganisation, ...] = ()
    trunks: tuple[ConfiguredTrunk, ...] = ()
    sip: Sip = Sip()
