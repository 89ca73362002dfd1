"""Which Leadline is spoken to, and with what key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from leadline.cli.push.errors import CannotPush
from leadline.domain.errors import ConfigurationError
from leadline.store.data_directory import DataDirectory

URL: Final = "LEADLINE_URL"
APIKEY: Final = "LEADLINE_APIKEY"


@dataclass(frozen=True, slots=True)
class Door:
    """Where HTTP is served, and the organisation's key."""

    url: str
    known_as: str
    """What stays the same when the same Leadline is started anew on another port."""
    apikey: str = field(repr=False)


def door(url: str | None, data: Path, apikey_env: str, environment: Mapping[str, str]) -> Door:
    """The Leadline at `url`, else the one running on `data`, else at LEADLINE_URL; raises CannotPush."""
    apikey = environment.get(apikey_env, "").strip()
    if not apikey:
        raise CannotPush(
            f"{apikey_env} is not set: put the organisation's API key there (export {apikey_env}=…), "
            "or name another variable with --apikey-env"
        )
    elsewhere = environment.get(URL, "").strip()
    if url:
        return Door(_checked("--url", url), url, apikey)
    try:
        running = DataDirectory.read_running(data)
    except ConfigurationError:  # not ours to read: of no use if another address is known
        if not elsewhere:
            raise
        running = None
    if running is not None:
        return Door(running.http, str(data.resolve()), apikey)
    if elsewhere:
        return Door(_checked(URL, elsewhere), elsewhere, apikey)
    raise CannotPush(
        f"no Leadline is running on {data}: start it with `leadline up --data {data}`, "
        f"or say where one is with --url http://HOST:PORT or {URL}"
    )


def _checked(name: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotPush(f"{name} {url}: write http://HOST:PORT")
    return url.rstrip("/")
