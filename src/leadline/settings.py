"""The settings of the machine it runs on: every LEADLINE_* variable, in one table, read once at the edge."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, Self

from leadline.domain.errors import ConfigurationError

PREFIX: Final = "LEADLINE_"
_HIGHEST_PORT: Final = 65_535
_LEVELS: Final = ("debug", "info", "warning", "error")
_FORMATS: Final = ("console", "json")


def _database_url(written: str) -> str:
    if not re.match(r"postgres(ql)?://", written):
        raise ValueError("must be a URL: postgresql://user:password@host:5432/leadline")
    return written


def address(written: str) -> tuple[str, int]:
    """`HOST:PORT`, port 0 for any free one, IPv6 in brackets; raises ValueError with what to write."""
    read = re.fullmatch(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})", written.strip(), re.ASCII)
    if read is None or int(read["port"]) > _HIGHEST_PORT:
        raise ValueError(
            f"{written!r} is no address and port: write 127.0.0.1:8080 or [::1]:8080, port 0 for a free one"
        )
    return read["host"].strip("[]"), int(read["port"])


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(written: str) -> int:
        number = int(written) if re.fullmatch(r"[0-9]{1,15}", written.strip(), re.ASCII) else -1
        if not least <= number <= most:
            raise ValueError(f"{written!r} must be a whole number from {least} to {most}")
        return number

    return read


def _seconds(written: str) -> float:
    read = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?s?", written.strip(), re.ASCII)
    if read is None:
        raise ValueError(f"{written!r} must be a number of seconds, such as 30")
    return float(read[1])


def _truth(written: str) -> bool:
    word = written.strip().lower()
    if word not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
        raise ValueError(f"{written!r} must be true or false")
    return word in ("true", "1", "yes", "on")


def _processes(written: str) -> int | None:
    return None if written.strip().lower() == "auto" else _whole(1, 64)(written)


def _networks(written: str) -> tuple[str, ...]:
    """Addresses and networks, each as a network is written; `none` is none."""
    if written.strip().lower() == "none":
        return ()
    try:
        return tuple(str(ip_network(one.strip())) for one in written.split(","))
    except ValueError as error:
        raise ValueError(f"{error}: write addresses or networks, as 127.0.0.1, 10.0.0.0/8") from None


def _one_of(words: Sequence[str]) -> Callable[[str], str]:
    def read(written: str) -> str:
        if written.strip().lower() not in words:
            raise ValueError(f"{written!r} must be one of {', '.join(words)}")
        return written.strip().lower()

    return read


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: where it is kept in `Settings`, how it is read, what holds without it (blank: nothing)."""

    field: str
    default: str
    unit: str
    help: str
    read: Callable[[str], Any]

    @property
    def name(self) -> str:
        return PREFIX + self.field.upper()


TABLE: Final = (
    Setting("config", "./leadline.yaml", "file", "The configuration that `leadline up` applies.", Path),
    Setting("data", "./leadline-data", "directory", "Where the embedded PostgreSQL keeps everything.", Path),
    Setting("database_url", "", "URL", "Your own PostgreSQL (15 or later), not the embedded one.", _database_url),
    Setting("pg_bin", "", "directory", "Other binaries for the embedded PostgreSQL.", Path),
    Setting("database_connections", "10", "connections", "The most of one process to PostgreSQL.", _whole(2, 1_000)),
    Setting("http", "127.0.0.1:8080", "host:port", "Where HTTP is served; port 0 picks a free one.", address),
    Setting("trusted_proxies", "none", "addresses", "Proxies whose X-Forwarded-For says who asks: a, b/8.", _networks),
    Setting("web_processes", "auto", "processes", "That serve HTTP; auto: one a processor, 4 at most.", _processes),
    Setting("drain", "30", "seconds", "How long calls that are up may go on after SIGTERM.", _seconds),
    Setting("max_body", "16777216", "bytes", "The largest request that is read; 413 beyond.", _whole(1_024, 2**31 - 1)),
    Setting("max_in_flight", "268435456", "bytes", "Of all requests at once; 503 beyond.", _whole(1_024, 2**40)),
    Setting("body_timeout", "60", "seconds", "How long a body may take to come; 408 beyond.", _whole(1, 3_600)),
    Setting("max_records", "10000", "records", "The most records of one push.", _whole(1, 1_000_000)),
    Setting("rate_limit", "0", "requests/second", "The most of one API key; 429 beyond; 0: any.", _whole(0, 10**6)),
    Setting("hide_foreign_service_keys", "false", "true|false", "Answer 1108, not 1243, for a foreign service key.",
            _truth),
    Setting("push_log_days", "90", "days", "How long the push log is kept.", _whole(1, 36_500)),
    Setting("sip_workers", "1", "processes", "Of the embedded SIP engine, about 100 calls each.", _whole(1, 64)),
    Setting("sip_pace", "12", "calls/second", "That one such process begins at most.", _whole(1, 100)),
    Setting("log_level", "info", "|".join(_LEVELS), "The least that is logged.", _one_of(_LEVELS)),
    Setting("log_format", "console", "|".join(_FORMATS), "Logs for people or for machines.", _one_of(_FORMATS)),
)  # fmt: skip
"""Every variable of a Leadline; `leadline settings` prints it."""
CLIENT: Final = (
    Setting("url", "", "URL", "The Leadline that `leadline push` speaks to when none runs here.", str),
    Setting("apikey", "", "key", "The organisation's API key, for `leadline push` and `leadline replay`.", str),
)
"""What only a command reads that speaks to a Leadline from outside."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `leadline settings`; a secret in a value is not shown."""

    name: str
    value: str
    default: str
    unit: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, defaults filled in; `unknown` names the LEADLINE_* variables that mean nothing."""

    config: Path
    data: Path
    database_url: str | None
    pg_bin: Path | None
    database_connections: int
    http: tuple[str, int]
    trusted_proxies: tuple[str, ...]
    web_processes: int | None
    drain: float
    max_body: int
    max_in_flight: int
    body_timeout: int
    max_records: int
    rate_limit: int
    hide_foreign_service_keys: bool
    push_log_days: int
    sip_workers: int
    sip_pace: int
    log_level: str
    log_format: str
    unknown: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """The settings; a blank variable is as if not set. Raises ConfigurationError naming every wrong variable."""
        values: dict[str, Any] = {}
        wrong = []
        for setting in TABLE:
            written = env.get(setting.name, "").strip() or setting.default
            try:
                values[setting.field] = setting.read(written) if written else None
            except ValueError as error:
                wrong.append(f"{setting.name}: {error}; or unset it for {setting.default or 'the embedded one'}")
        if wrong:
            raise ConfigurationError("\n".join(wrong))
        known = {setting.name for setting in (*TABLE, *CLIENT)}
        return cls(
            **values, unknown=tuple(sorted(name for name in env if name.startswith(PREFIX) and name not in known))
        )


def environment() -> Mapping[str, str]:
    """The environment of this process: the one place that looks at it."""
    return dict(os.environ)  # noqa: TID251  (its one home)


def rows(env: Mapping[str, str]) -> list[Row]:
    """Every variable with the value that holds, as written; an API key is not shown."""
    return [
        Row(setting.name, _shown(setting, env), setting.default, setting.unit, setting.help)
        for setting in (*TABLE, *CLIENT)
    ]


def _shown(setting: Setting, env: Mapping[str, str]) -> str:
    value = env.get(setting.name, "").strip() or setting.default
    if setting.field == "apikey" and value:
        return "***"
    return re.sub(r"(?<=://)([^:/@]*):[^@]*(?=@)", r"\1:***", value)
