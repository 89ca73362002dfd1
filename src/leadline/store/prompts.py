"""Prompts as rows: audio by the hash of what it says, made once per organisation."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


async def present(connection: Any, organisation_id: int, keys: Iterable[bytes]) -> set[bytes]:
    """Those of `keys` whose audio is there."""
    rows = await connection.fetch(
        "select key from prompt where organisation_id = $1 and key = any($2::bytea[])", organisation_id, list(keys)
    )
    return {row["key"] for row in rows}


async def audio(connection: Any, organisation_id: int, keys: Iterable[bytes]) -> dict[bytes, bytes]:
    """The audio of each key that is there: signed 16-bit mono PCM at 8,000 Hz."""
    rows = await connection.fetch(
        "select key, audio from prompt where organisation_id = $1 and key = any($2::bytea[])",
        organisation_id,
        list(keys),
    )
    return {row["key"]: row["audio"] for row in rows}


async def write(connection: Any, organisation_id: int, made: Mapping[bytes, bytes], now: datetime) -> None:
    """Keep audio; what is there already stays."""
    await connection.executemany(
        "insert into prompt (organisation_id, key, audio, created_at) values ($1, $2, $3, $4) on conflict do nothing",
        [(organisation_id, key, pcm, now) for key, pcm in made.items()],
    )
