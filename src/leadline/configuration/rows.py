"""A configuration as the rows that keep it, in the order in which they can be written."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

from leadline.configuration.configuration import Configuration
from leadline.store.catalogue import key_hash
from leadline.store.configuration import ListedRow, LoginRow, OrganisationRow, ProcessRow, Row, TrunkRow


def rows_of(configuration: Configuration) -> Iterator[Row]:
    """Organisations first, since the others are theirs."""
    for organisation in configuration.organisations:
        yield OrganisationRow(
            name=organisation.name,
            apikey=key_hash(organisation.apikey),
            timezone=organisation.timezone,
            lenient_json=organisation.lenient_json,
            tts_until=organisation.tts_until,
        )
    for position, trunk in enumerate(configuration.trunks):
        yield TrunkRow(trunk.policy.name, position, trunk.policy)
    for organisation in configuration.organisations:
        for user in organisation.users:
            yield LoginRow(organisation.name, user.login, user.name, user.role, user.endpoint)
        for process in organisation.processes:
            yield ProcessRow(organisation.name, process.policy.servicekey, process.policy, process.flow)
        for number in organisation.do_not_call:
            yield ListedRow(organisation.name, number)


def identity(row: Row) -> tuple[str, ...]:
    """What makes a row the same row, whatever else it says."""
    match row:
        case OrganisationRow(name=name) | TrunkRow(name=name):
            return type(row).__name__, name
        case ProcessRow(servicekey=servicekey):
            return type(row).__name__, servicekey
        case LoginRow():
            return type(row).__name__, row.organisation, row.login
        case ListedRow():
            return type(row).__name__, row.organisation, row.number


def title(row: Row) -> str:
    """A row as a person names it."""
    match row:
        case OrganisationRow():
            return f"organisation {row.name}"
        case TrunkRow():
            return f"trunk {row.name}"
        case ProcessRow():
            return f"process {row.servicekey} of {row.organisation}"
        case LoginRow():
            return f"user {row.login} of {row.organisation}"
        case ListedRow():
            return f"do_not_call {row.number} of {row.organisation}"


_KEYS: Final = {"tts_until": "subscriptions", "position": "order"}
_DERIVED: Final = frozenset({"spoken"})
"""What follows from other keys."""


def differences(old: Any, new: Any) -> tuple[str, ...]:
    """The keys of the file in which two rows differ, sorted."""
    differing: set[str] = set()
    for field in fields(new):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before == after:
            continue
        if field.name == "policy" and before is not None:
            differing |= set(differences(before, after)) - _DERIVED or {"flow"}
        else:
            differing.add(_KEYS.get(field.name, field.name))
    return tuple(sorted(differing))
