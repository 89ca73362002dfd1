"""What is to be pushed, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from leadline.cli.push.source import Source

NODES: Final = ("media", "updateparam", "reqdatetime", "calltype", "calldatetime", "userlogin", "expirydatetime")
"""What a Push Data document may say of its own push; an option decides over it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be pushed, and how, as the command line says it."""

    file: str
    servicekey: str
    updateparam: str | None = None
    media: str | None = None
    calltype: str | None = None
    calldatetime: str | None = None
    reqdatetime: str | None = None
    maps: Sequence[str] = ()
    exact: bool = False
    keep_blanks: bool = False
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    batch: int = 1_000
    in_flight: int = 2
    journal: Path | None = None
    rejected: Path | None = None
    restart: bool = False
    dry_run: bool = False

    def nodes(self, source: Source, document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """The nodes of every request, but for the key: by option, else by the document, else what is usual."""
        moment = source.modified or now
        usual = {"media": "12", "updateparam": "mobilenumber", "reqdatetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        told = {name: value for name in NODES if (value := getattr(self, name, None)) is not None}
        if told.get("reqdatetime") == "now":
            told["reqdatetime"] = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        said = {name: document[name] for name in NODES if document.get(name) not in (None, "")}
        return {"servicekey": self.servicekey, **usual, **said, **told}
