"""`leadline leads`: what waits, what rings, and what became of each, in the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from rich.table import Table

from leadline.bootstrap import find_database
from leadline.cli.console import out
from leadline.cli.timeline import line_of
from leadline.domain.errors import ConfigurationError
from leadline.domain.lead import LeadState
from leadline.domain.phone import number_key
from leadline.settings import Settings
from leadline.store import catalogue as catalogues
from leadline.store import events, lead_views
from leadline.store.catalogue import Catalogue
from leadline.store.database import Database


@dataclass(frozen=True, slots=True)
class Filters:
    """Which leads are listed."""

    servicekey: str | None = None
    number: str | None = None
    state: str | None = None
    limit: int = 20


def show(lead_id: int | None, filters: Filters, data: Path | None, settings: Settings, *, as_json: bool) -> None:
    """List leads, or show one."""
    if filters.state is not None and filters.state not in list(LeadState):
        raise ConfigurationError(f"{filters.state!r} is no state of a lead; there are {', '.join(LeadState)}")
    dsn = find_database(settings, data or settings.data)
    if lead_id is None:
        listed = uvloop.run(_list(dsn, filters))
        _print_json(listed) if as_json else _print_table(listed)
    else:
        lead, timeline = uvloop.run(_one(dsn, lead_id))
        _print_json({**lead, "timeline": timeline}) if as_json else _print_lead(lead, timeline)


async def _list(dsn: str, filters: Filters) -> list[Mapping[str, Any]]:
    database = Database(dsn, connections=1)
    await database.open()
    try:
        async with database.snapshot() as connection:
            known = await catalogues.load(connection)
            found: list[Mapping[str, Any]] = []
            for organisation_id in known.organisations:
                query = lead_views.Query(_wanted(known, organisation_id, filters), filters.limit)
                page = await lead_views.page(connection, organisation_id, known.servicekey_by_id, query)
                found += page.items
    finally:
        await database.close()
    return sorted(found, key=lambda lead: -lead["id"])[: filters.limit]


def _wanted(known: Catalogue, organisation_id: int, filters: Filters) -> dict[int, dict[str, str]]:
    names = set(known.servicekey_by_id.values())
    if filters.servicekey is not None and filters.servicekey not in names:
        raise ConfigurationError(
            f"there is no process {filters.servicekey!r}; there are {', '.join(sorted(names)) or 'none'}"
        )
    wanted: dict[int, dict[str, str]] = {}
    for process in known.readable(organisation_id, filters.servicekey):
        wanted[process.id] = {"state": filters.state} if filters.state else {}
        if filters.number:
            wanted[process.id]["number_key"] = number_key(filters.number, process.policy.region)
    return wanted


async def _one(dsn: str, lead_id: int) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    database = Database(dsn, connections=1)
    await database.open()
    try:
        async with database.snapshot() as connection:
            known = await catalogues.load(connection)
            organisation_id = await lead_views.organisation_of(connection, lead_id)
            if organisation_id is None:
                raise ConfigurationError(f"there is no lead {lead_id}: `leadline leads` lists what there is")
            lead = await lead_views.one(connection, organisation_id, known.servicekey_by_id, lead_id)
            return lead or {}, await events.timeline(connection, organisation_id, lead_id)
    finally:
        await database.close()


def _print_json(document: Any) -> None:
    out.print(msgspec.json.format(msgspec.json.encode(document)).decode())


def _print_table(listed: Sequence[Mapping[str, Any]]) -> None:
    shown = Table(box=None, pad_edge=False)
    for heading in ("Lead", "Process", "Name", "Number", "State", "Status", "Due", "Attempts", "Outcome"):
        shown.add_column(heading, overflow="fold")
    for lead in listed:
        attempts = lead["attempts"]
        state = f"{lead['state']} ({lead['closed_reason']})" if lead["closed_reason"] else lead["state"]
        held = f"{_instant(lead['due_at'])}{' held: ' + lead['held_by'] if lead['held_by'] else ''}"
        outcome = (attempts[-1]["outcome"] or attempts[-1]["state"]) if attempts else ""
        number = lead["number"] or lead["mobilenumber"] or ""
        shown.add_row(
            str(lead["id"]), lead["servicekey"] or "", _name(lead), number, state,
            str(lead["status"]), held, str(len(attempts)), outcome,
        )  # fmt: skip
    out.print(shown if listed else "no leads")


def _print_lead(lead: Mapping[str, Any], timeline: Sequence[Mapping[str, Any]]) -> None:
    out.print(f"lead {lead['id']}", style="bold", end="")
    out.print(f"  {lead['state']}" + (f" ({lead['closed_reason']})" if lead["closed_reason"] else ""))
    facts = Table(box=None, pad_edge=False, show_header=False)
    for name, value in lead.items():
        if name not in ("id", "attempts", "fields") and value is not None:
            facts.add_row(name, _instant(value) if isinstance(value, datetime) else str(value))
    for name, value in lead["fields"].items():
        facts.add_row(name, str(value))
    out.print(facts)
    for number, attempt in enumerate(lead["attempts"], 1):
        out.print(f"attempt {number}", style="bold", end="")
        out.print(f"  {attempt['id']}")
        facts = Table(box=None, pad_edge=False, show_header=False)
        for name, value in attempt.items():
            if name != "id" and value not in (None, "", []):
                text = " → ".join(value) if isinstance(value, list) else value
                facts.add_row(f"  {name}", _instant(text) if isinstance(text, datetime) else str(text))
        out.print(facts)
    out.print("timeline", style="bold", end="")
    out.print(" (UTC)")
    for event in timeline:
        out.print("  ", line_of(event))


def _name(lead: Mapping[str, Any]) -> str:
    return lead["name"] or " ".join(part for part in (lead["fname"], lead["lname"]) if part)


def _instant(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}" if instant else ""
