"""A file of `leadline replay`, mended: each record with the request of the push that it was refused in."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from leadline.cli.console import say
from leadline.cli.push.batches import batches
from leadline.cli.push.columns import Columns
from leadline.cli.push.errors import CannotPush
from leadline.cli.push.formats import Format, opened, shape_of
from leadline.cli.push.row import PUSH, REQUEST, Row
from leadline.cli.push.source import source_of
from leadline.cli.refused import Parcel

SIZE: Final = 1_000
"""Records of one request."""


def mended(file: Path) -> Iterator[Parcel]:
    """The records by push, in their order; raises CannotPush.

    Columns are taken by their own names: a record of the log has the nodes' names already.
    """
    with source_of(str(file), None) as source:
        shape = shape_of(source, None, None)
        if source.guessed:
            say(f"{source.name} is not UTF-8: read as Windows-1252")
        with opened(source, shape) as rows:
            columns = Columns({}, say, exact=True, keeps_blanks=shape.format is not Format.CSV)
            for (push, request), group in groupby(rows.each, lambda row: _told(row, file)):
                for batch in batches(replace(rows, each=group), columns, SIZE):
                    for row, fault in batch.refused:
                        raise CannotPush(f"{file}, row {row.number}: {fault.message}")
                    yield Parcel(push, request, batch)


def _told(row: Row, file: Path) -> tuple[str, dict[str, Any]]:
    if row.fault is not None:
        raise CannotPush(f"{file}, row {row.number}: {row.fault.message}")
    written = row.cells.get(REQUEST)
    try:
        request = msgspec.json.decode(written) if isinstance(written, str) else written
    except msgspec.DecodeError:
        request = None
    if not isinstance(request, dict) or "servicekey" not in request:
        raise CannotPush(
            f"{file}, row {row.number}: {REQUEST} does not say what its push said: copy it from another row of that "
            "push, or push the file with `leadline push`, which takes options instead"
        )
    return str(row.cells.get(PUSH, "")), request
