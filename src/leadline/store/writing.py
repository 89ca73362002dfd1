"""All that pushes write, in one statement: leads with what is due of them, events, the push log, and the wake-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from leadline.domain.events import Event
from leadline.domain.lead import Lead
from leadline.domain.telling import Told
from leadline.store import events, leads, pushes

PART: Final = 500
"""Leads of one statement: what is encoded at once holds up everything else in the process, and takes memory."""


@dataclass(slots=True)
class Rows:
    """What is to be written."""

    new: list[Lead] = field(default_factory=list)
    changed: list[Lead] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)
    """Each with its `seq`, which the lead's `events` already counts."""
    pushes: list[Mapping[str, Any]] = field(default_factory=list)


async def write(connection: Any, rows: Rows) -> None:
    """Write everything; whoever waits for due leads is told once the transaction is committed."""
    columns = (rows.new, rows.changed, rows.events, rows.pushes)
    parts = zip_longest(*(_parts(column) for column in columns), fillvalue=())
    for new, changed, told, logged in parts:
        due = [*leads.due_of(new), *leads.due_of(changed)]
        rest = (new, due, events.rows(told), logged)
        # An event of any part may be of a lead that was there.
        await (connection.execute(_WRITE_OVER, *rest, changed) if rows.changed else connection.execute(_WRITE, *rest))


async def move(connection: Any, moved: Sequence[Told]) -> None:
    """Write leads that are stored already, with the events that tell of them."""
    await leads.update(connection, [each.lead for each in moved])
    await events.write(connection, [event for each in moved for event in each.events])


def _parts(rows: Sequence[Any]) -> list[Sequence[Any]]:
    return [rows[start : start + PART] for start in range(0, len(rows), PART)]


_LOGGED: Final = f"logged as ({pushes.insert_from('$4')})"
_WRITE: Final = f"""
    with {leads.written("$2", new="$1")}, told as ({events.insert_from("$3", new=True)}), {_LOGGED} {leads.WAKE}"""
_WRITE_OVER: Final = f"""
    with {leads.written("$2", new="$1", changed="$5")}, told as ({events.insert_from("$3")}), {_LOGGED}
    {leads.WAKE_OVER}"""
