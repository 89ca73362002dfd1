"""The words of the configuration file: how a duration, a region, an address is written, and what it becomes.

Each is an annotated type; a text that is none of them raises ValueError with what is wrong and what would mend it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from importlib import resources
from ipaddress import IPv4Address, ip_address
from typing import Annotated, Any, Final

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from leadline.configuration.problems import suggestion
from leadline.domain.phone import parse_number
from leadline.domain.policy import Direction, Mode
from leadline.domain.vendor import CallType

_UNITS: Final = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)", re.ASCII)
_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE | re.ASCII
)
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*%", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.IGNORECASE | re.ASCII)
_LOGIN: Final = re.compile(r"[a-z0-9._+'-]{1,64}(@(?=.{1,189}$)[a-z0-9-]+(\.[a-z0-9-]+)*)?", re.ASCII)
_SIP_URI: Final = re.compile(
    r"sip:(?P<user>[^@\s<>\"]+)@(?P<host>\[[^\]]+\]|[^:;?\s\[\]]+)(:(?P<port>[0-9]+))?(?P<rest>[;?]\S*)?"
)
_EXTENSION: Final = re.compile(r"[0-9]{2,15}", re.ASCII)
_HIGHEST_PORT: Final = 65_535


def text(value: object) -> str:
    """Text that is not blank, without blanks around it."""
    if not isinstance(value, str):
        raise ValueError(f'must be text; put it in quotes: "{value}"' if _is_scalar(value) else "must be text")  # noqa: TRY004  (pydantic takes ValueError)
    if not value.strip():
        raise ValueError("must not be blank")
    return value.strip()


def _is_scalar(value: object) -> bool:
    return value is not None and not isinstance(value, Mapping | list)


def duration(value: object) -> timedelta:
    """`500ms`, `30s`, `10m`, `2h` or `1d`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write {value}s for seconds, {value}m for minutes or {value}h for hours")  # noqa: TRY004  (pydantic takes ValueError)
    read = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        raise ValueError(f"{value!r} is no duration; write a whole number and its unit: 500ms, 30s, 10m, 2h or 1d")
    return timedelta(**{_UNITS[read[2]]: int(read[1])})


def share(value: object) -> float:
    """`3%` or `2.5%`."""
    read = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        raise ValueError(f"{value!r} is no share; write it in percent: 3% or 2.5%")
    return float(read[1]) / 100


def between(least: str, most: str) -> AfterValidator:
    """Bounds of a duration, both taken."""

    def bounded(value: timedelta) -> timedelta:
        if not duration(least) <= value <= duration(most):
            raise ValueError(f"must be between {least} and {most}")
        return value

    return AfterValidator(bounded)


@cache
def time_zones() -> frozenset[str]:
    """Every IANA zone and alias, by the tzdata package rather than by what the system has."""
    names = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    return frozenset(names) - {"Factory"}


def time_zone(value: object) -> str:
    name = text(value)
    if name not in time_zones():
        near = suggestion(name, time_zones())
        raise ValueError(f"{name!r} is no time zone; {near if near.startswith('did you mean') else _ZONE_HINT}")
    return name


_ZONE_HINT: Final = "write an IANA name such as Asia/Kolkata or Europe/London"


def region(value: object) -> str:
    """An ISO 3166 country that has telephone numbers."""
    name = text(value)
    if name not in phonenumbers.SUPPORTED_REGIONS:
        better = {"UK": "GB", "EN": "GB"}.get(name.upper(), name.upper())
        known = better in phonenumbers.SUPPORTED_REGIONS
        hint = f"did you mean {better!r}?" if known else "write the two capital letters of ISO 3166, such as IN or GB"
        raise ValueError(f"{name!r} is no country; {hint}")
    return name


def phone(value: object) -> str:
    """A valid number with its country code, as E.164."""
    number = parse_number(written := text(value), phonenumbers.UNKNOWN_REGION)
    if number is None:
        raise ValueError(f"{written!r} is no valid telephone number; write + and the country code first, +919800000000")
    return number.e164


def caller_id(value: object) -> str:
    """A valid number with its country code, or the bare digits of an extension as the trunk wants it."""
    written = text(value)
    return written if _EXTENSION.fullmatch(written) and not written.startswith("00") else phone(written)


def login(value: object) -> str:
    """An e-mail address or a plain name; logins know no case."""
    name = text(value).lower()
    if not _LOGIN.fullmatch(name):
        raise ValueError(f"{name!r} is no login; write an e-mail address, or a name of letters, digits and . _ + -")
    return name


def language(value: object) -> str:
    """A BCP 47 tag."""
    tag = text(value)
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError(f"{tag!r} is no language; write its BCP 47 tag, such as en, hi or en-GB")
    return tag


def day(value: object) -> date:
    """`YYYY-MM-DD`."""
    try:
        return date.fromisoformat(text(value))
    except ValueError:
        raise ValueError(f"{value!r} is no date; write YYYY-MM-DD") from None


def host(value: object) -> str:
    """An IP address or a host name."""
    name = text(value)
    if not is_host(name):
        raise ValueError(f"{name!r} is neither an address nor a host name; write 203.0.113.7 or sip.example.com")
    return name


def is_host(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]") if name.startswith("[") else name)
    except ValueError:
        # What looks like an address but is none is no host name either.
        return bool(_HOST.fullmatch(name)) and not re.fullmatch(r"[0-9.]+", name)
    return True


def address(value: object) -> tuple[str, int]:
    """`ADDRESS:PORT`, an IPv4 address of this machine with a port from 0 (any free one)."""
    written = text(value)
    name, colon, port = written.rpartition(":")
    try:
        found = IPv4Address(name)
    except ValueError:
        found = None
    if not colon or found is None or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"{written!r} is no address and port; write 127.0.0.1:5060; port 0 is any")
    return str(found), int(port)


def port_range(value: object) -> tuple[int, int]:
    """`FIRST-LAST`, both taken, no port of the system's own."""
    written = text(value)
    read = re.fullmatch(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})", written, re.ASCII)
    if read is None:
        raise ValueError(f"{written!r} is no range of ports; write 30000-39999")
    first, last = int(read[1]), int(read[2])
    if not 1024 <= first < last <= _HIGHEST_PORT:  # noqa: PLR2004  (the first port that is not the system's)
        raise ValueError(f"{written!r} is no range of ports; it goes upwards, from 1024 at least to 65535 at most")
    return first, last


def sip_uri(value: object) -> str:
    """`sip:USER@HOST[:PORT]`."""
    written = text(value)
    read = _SIP_URI.fullmatch(written)
    if read is None:
        raise ValueError(f"{written!r} is no SIP URI; write sip:{{number}}@carrier.example:5060")
    if not is_host(read["host"]):
        raise ValueError(f"{read['host']!r} is no host; write an address or a name after the @")
    if read["port"] and not 0 < int(read["port"]) <= _HIGHEST_PORT:
        raise ValueError(f"port {read['port']} does not exist; ports are 1 to 65535")
    return written


def endpoint(value: object) -> str:
    """Where an agent is called: `sip:USER@HOST[:PORT]`, or a number with `+` and its country code."""
    written = text(value)
    if not re.fullmatch(r"sip:.*|\+[0-9 ().-]+", written):
        raise ValueError(f"{written!r} is no phone; write sip:asha@192.0.2.7:5060, or a number with + and country code")
    return sip_uri(written) if written.startswith("sip:") else phone(written)


def trunk_uri(value: object) -> str:
    """A SIP URI with one `{number}` in its user part, where the dial string goes."""
    written = sip_uri(value)
    user = written.partition("@")[0]
    if user.count("{number}") != 1 or written.count("{") != 1:
        raise ValueError(f"{written!r} must hold {{number}} once, before the @: sip:{{number}}@carrier.example:5060")
    if "transport=" in written.lower():
        raise ValueError("the transport has a key of its own; write transport: udp instead of ;transport=")
    return written


def prefix(value: object) -> str:
    """What is dialed before the digits: `+`, or digits, `*` and `#`; may be empty."""
    if not isinstance(value, str) or not re.fullmatch(r"\+|[0-9*#]{0,8}", value, re.ASCII):
        raise ValueError(f'{value!r} is no prefix; write + or up to 8 digits in quotes, such as "00"')
    return value


def number_prefix(value: object) -> str:
    """What numbers begin with in E.164: `+` and one digit at least."""
    if not isinstance(value, str) or not re.fullmatch(r"\+[1-9][0-9]{0,13}", value, re.ASCII):
        raise ValueError(f'{value!r} begins no telephone number; write + and the country code in quotes, such as "+91"')
    return value


def secret(value: Any, info: ValidationInfo) -> SecretStr:
    """A text, or `{env: NAME}`: the value of that variable. It never appears in a message."""
    if isinstance(value, dict):
        value = _from_environment(value, info.context or {})
    elif not isinstance(value, str):
        raise ValueError("must be text in quotes, or {env: NAME}")  # noqa: TRY004  (pydantic takes ValueError)
    if not value.strip():
        raise ValueError("must not be blank")
    return SecretStr(value)


def _from_environment(reference: Mapping[str, Any], env: Mapping[str, str]) -> str:
    name = reference.get("env")
    if set(reference) != {"env"} or not isinstance(name, str):
        raise ValueError("must be text, or {env: NAME} and nothing else")
    if not env.get(name, "").strip():
        state = "blank" if name in env else "not set"
        raise ValueError(f"the environment variable {name} is {state}; set it before Leadline starts")
    return env[name]


def api_key(value: SecretStr) -> SecretStr:
    """It travels as a bearer token: printable ASCII without blanks."""
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", value.get_secret_value()):
        raise ValueError("an API key has 1 to 255 printable ASCII characters and no blank")
    return value


def calltype(value: object) -> int:
    """The number of a call type."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in set(CallType):
        raise ValueError(f"{value!r} is no call type; there are {', '.join(str(int(known)) for known in CallType)}")
    return int(value)


def direction(value: object) -> Direction:
    """`outbound`, `inbound` or `blended`."""
    name = text(value)
    if name not in set(Direction):
        raise ValueError(f"{name!r} is no direction; {suggestion(name, [str(known) for known in Direction])}")
    return Direction(name)


def mode(value: object) -> Mode:
    """`message`, `preview`, `progressive` or `predictive`."""
    name = text(value)
    if name not in set(Mode):
        raise ValueError(f"{name!r} is no mode; {suggestion(name, [str(known) for known in Mode])}")
    return Mode(name)


def _read(reader: Callable[..., object]) -> BeforeValidator:
    return BeforeValidator(reader)


Text = Annotated[str, _read(text)]
Name = Annotated[Text, Field(max_length=255)]
Duration = Annotated[timedelta, _read(duration)]
Share = Annotated[float, _read(share)]
TimeZone = Annotated[str, _read(time_zone)]
Region = Annotated[str, _read(region)]
Phone = Annotated[str, _read(phone)]
CallerId = Annotated[str, _read(caller_id)]
Login = Annotated[str, _read(login)]
Language = Annotated[str, _read(language)]
Day = Annotated[date, _read(day)]
Host = Annotated[str, _read(host)]
Address = Annotated[tuple[str, int], _read(address)]
PortRange = Annotated[tuple[int, int], _read(port_range)]
Endpoint = Annotated[str, _read(endpoint)]
TrunkUri = Annotated[str, _read(trunk_uri)]
Prefix = Annotated[str, _read(prefix)]
NumberPrefix = Annotated[str, _read(number_prefix)]
Secret = Annotated[SecretStr, _read(secret)]
ApiKey = Annotated[Secret, AfterValidator(api_key)]
Count = Annotated[int, Field(ge=1, le=100_000)]
CallTypeNumber = Annotated[int, _read(calltype)]
ModeWord = Annotated[Mode, _read(mode)]
DirectionWord = Annotated[Direction, _read(direction)]
