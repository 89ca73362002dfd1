"""Rows gathered into Push Data documents: each known by a digest of all that it says."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from leadline.cli.push.columns import Ambiguous, Columns
from leadline.cli.push.formats import Rows
from leadline.cli.push.row import Fault, Row

METHOD: Final = "ImportProcessData"
LARGEST: Final = 8 << 20
"""Bytes of records in one document: half of what Leadline takes unless a setting says otherwise."""


@dataclass(slots=True)
class Batch:
    """Rows that are pushed together."""

    number: int
    rows: list[Row] = field(default_factory=list)
    """Those that are sent, in the order of the document's records."""
    refused: list[tuple[Row, Fault]] = field(default_factory=list)
    """Those that cannot even be sent."""
    records: list[bytes] = field(default_factory=list)
    bytes: int = 0
    position: int = 0
    """How far into the file it reaches, in bytes."""

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.refused)

    @property
    def last_row(self) -> int:
        return max(row.number for row in (*self.rows, *(row for row, _ in self.refused)))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every document of a push says beside its records."""

    apikey: str = field(repr=False)
    nodes: Mapping[str, Any]
    salt: str = ""
    """Makes the documents of one run others than those of an earlier run of the same file."""

    def requestid(self, batch: Batch) -> str:
        """The same for the same rows pushed in the same way, whenever that is; the API key is not in it."""
        digest = hashlib.sha256(json.dumps([self.salt, self.nodes], sort_keys=True).encode())
        for record in batch.records:
            digest.update(b"\n" + record)
        for row, _ in batch.refused:
            digest.update(b"\n-" + encoded(row.cells))
        return f"file-{digest.hexdigest()[:40]}"

    def document(self, batch: Batch, **own: Any) -> bytes:
        """The document, with the nodes of this request beside those of all."""
        head = encoded({"method": METHOD, "apikey": self.apikey, **self.nodes, **own})
        return b"".join((head[:-1], b',"data":[', b",".join(batch.records), b"]}"))


def batches(rows: Rows, columns: Columns, size: int) -> Iterator[Batch]:
    """All rows, `size` at a time or as many as fit into one request; at most one batch is held here."""
    batch = Batch(0)
    for row in rows.each:
        record = _record(row, columns)
        if isinstance(record, Fault):
            batch.refused.append((row, record))
        else:
            if batch.bytes + len(record) > LARGEST and batch.size:
                yield batch
                batch = Batch(batch.number + 1)
            batch.rows.append(row)
            batch.records.append(record)
            batch.bytes += len(record)
        batch.position = rows.position()
        if batch.size >= size:
            yield batch
            batch = Batch(batch.number + 1)
    if batch.size:
        yield batch


def encoded(value: Any) -> bytes:
    """JSON as short as it can be; what msgspec has no form for (halves of surrogate pairs) as the library writes it."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(value, separators=(",", ":")).encode()


def _record(row: Row, columns: Columns) -> bytes | Fault:
    if row.fault is not None:
        return row.fault
    try:
        record = encoded(columns.record(row.cells))
    except Ambiguous as error:
        return Fault("ambiguous_columns", None, str(error))
    if len(record) > LARGEST:
        return Fault("record_too_large", None, f"the record has {len(record)} bytes; {LARGEST} is the most")
    return record
