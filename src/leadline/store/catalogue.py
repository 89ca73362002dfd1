"""Who may push, and by what rules: organisations, processes and trunks, read whole and kept in memory.

The catalogue is small and read for every request; `apply` notifies, and every Leadline reads it anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from leadline.domain.flow import Flow
from leadline.domain.policy import ProcessPolicy, TrunkPolicy
from leadline.domain.prompt import NAMES
from leadline.store import keys as key_store
from leadline.store.database import Database
from leadline.store.keys import Grant


@dataclass(frozen=True, slots=True)
class Organisation:
    """A company that pushes; its rows are its own."""

    id: int
    name: str
    timezone: ZoneInfo
    lenient_json: bool
    tts_until: date | None
    logins: frozenset[str]

    def speech_lapsed(self, now: datetime) -> str | None:
        """Why speech is not made for this organisation now, if it is not; the last day counts to its end."""
        if self.tts_until is None:
            return "the organisation has no TTS subscription: the operator adds subscriptions.tts"
        if now.astimezone(self.timezone).date() > self.tts_until:
            return f"the TTS subscription ended on {self.tts_until}: the lead goes on when it is renewed"
        return None


@dataclass(frozen=True, slots=True)
class Process:
    """A campaign of one organisation."""

    organisation_id: int
    id: int
    servicekey: str
    policy: ProcessPolicy
    flow: Flow | None
    trunks: tuple[TrunkPolicy, ...]
    spoken: frozenset[str]
    paused: bool = False
    """No call is begun; those that are up go on."""
    stopped: bool = False
    """No call is begun, and none is left up."""

    @property
    def speaks(self) -> bool:
        return self.flow is not None and self.flow.speaks


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is in use, and the processes that were."""

    organisations: Mapping[int, Organisation] = field(default_factory=dict)
    keys: Mapping[bytes, int] = field(default_factory=dict)
    """Organisation by the SHA-256 of its API key."""
    processes: Mapping[int, Process] = field(default_factory=dict)
    servicekeys: Mapping[str, int] = field(default_factory=dict)
    trunks: Mapping[str, TrunkPolicy] = field(default_factory=dict)
    grants: Mapping[bytes, Grant] = field(default_factory=dict)
    """What further keys open, by their SHA-256."""
    retired: Mapping[int, Process] = field(default_factory=dict)
    """Processes that take and dial nothing any more; their leads can still be read."""

    @property
    def servicekey_by_id(self) -> dict[int, str]:
        return {process.id: process.servicekey for process in (*self.processes.values(), *self.retired.values())}

    def readable(self, organisation_id: int, servicekey: str | None = None) -> list[Process]:
        """The processes whose leads an organisation may read: all of its own, or the one of that key."""
        return [
            process
            for process in (*self.processes.values(), *self.retired.values())
            if process.organisation_id == organisation_id and servicekey in (None, process.servicekey)
        ]

    def organisation_of(self, apikey: str) -> Organisation | None:
        """The organisation whose key this is."""
        number = self.keys.get(key_hash(apikey))
        return None if number is None else self.organisations[number]

    def process_of(self, servicekey: str) -> Process | None:
        number = self.servicekeys.get(servicekey)
        return None if number is None else self.processes[number]


def key_hash(apikey: str) -> bytes:
    """What is stored of an API key: keys are long and random, so that one round of SHA-256 keeps them."""
    return sha256(apikey.encode("utf-8", "surrogatepass")).digest()


class CatalogueReader:
    """The catalogue as it was read last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalogue = Catalogue()

    def __call__(self) -> Catalogue:
        return self._catalogue

    async def refresh(self) -> None:
        """Read it anew; raises DatabaseUnavailable, and the old one stays."""
        async with self._database.transaction() as connection:
            self._catalogue = await load(connection)


async def load(connection: Any) -> Catalogue:
    """The catalogue as it is now."""
    logins: dict[int, set[str]] = {}
    for row in await connection.fetch("select organisation_id, login from login where retired_at is null"):
        logins.setdefault(row["organisation_id"], set()).add(row["login"].lower())
    organisations, keys = {}, {}
    for row in await connection.fetch("select * from organisation where retired_at is null"):
        organisations[row["id"]] = Organisation(
            id=row["id"],
            name=row["name"],
            timezone=ZoneInfo(row["timezone"]),
            lenient_json=row["lenient_json"],
            tts_until=row["tts_until"],
            logins=frozenset(logins.get(row["id"], ())),
        )
        keys[row["apikey_sha256"]] = row["id"]
    trunks = {
        row["name"]: msgspec.convert(row["policy"], TrunkPolicy)
        for row in await connection.fetch("select * from trunk where retired_at is null order by position")
    }
    processes: dict[int, Process] = {}
    retired: dict[int, Process] = {}
    for row in await connection.fetch("select * from process"):
        if row["organisation_id"] in organisations:
            kept = processes if row["retired_at"] is None else retired
            kept[row["id"]] = _process(row, trunks)
    servicekeys = {process.servicekey: number for number, process in processes.items()}
    return Catalogue(organisations, keys, processes, servicekeys, trunks, await key_store.load(connection), retired)


def _process(row: Any, trunks: Mapping[str, TrunkPolicy]) -> Process:
    policy = msgspec.convert(row["policy"], ProcessPolicy)
    flow = msgspec.convert(row["flow"], Flow) if row["flow"] else None
    names: Sequence[str] = policy.trunks or tuple(trunks)
    return Process(
        organisation_id=row["organisation_id"],
        id=row["id"],
        servicekey=row["servicekey"],
        policy=policy,
        flow=flow,
        trunks=tuple(trunks[name] for name in names if name in trunks),
        spoken=frozenset(policy.spoken) | (NAMES if NAMES & set(policy.spoken) else frozenset()),
        paused=row["paused_at"] is not None,
        stopped=row["stopped_at"] is not None,
    )
