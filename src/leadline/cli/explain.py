"""`leadline explain`: why a lead is not ringing now, rule by rule, in the terminal."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from rich.table import Table
from rich.text import Text

from leadline.bootstrap import find_database
from leadline.cli.console import out
from leadline.clock import SystemClock
from leadline.domain.errors import ConfigurationError
from leadline.intake.explain import Explainer
from leadline.settings import Settings
from leadline.store import catalogue, lead_views
from leadline.store.database import Database


def show(lead_id: int, data: Path | None, settings: Settings, *, as_json: bool) -> None:
    """Explain one lead; raises ConfigurationError if there is none of that id."""
    explanation = uvloop.run(explained(find_database(settings, data or settings.data), lead_id))
    if as_json:
        out.print(msgspec.json.format(msgspec.json.encode(explanation)).decode())
    else:
        _print(explanation)


async def explained(dsn: str, lead_id: int) -> Mapping[str, Any]:
    """What `GET /v1/leads/{id}/explain` answers."""
    database = Database(dsn, connections=1)
    await database.open()
    try:
        async with database.connection() as connection:
            known = await catalogue.load(connection)
            organisation = known.organisations.get(await lead_views.organisation_of(connection, lead_id) or 0)
        explanation = None
        if organisation is not None:
            explanation = await Explainer(database, SystemClock()).explain_lead(organisation, known, lead_id)
    finally:
        await database.close()
    if explanation is None:
        raise ConfigurationError(f"there is no lead {lead_id}: `leadline leads` lists what there is")
    return explanation


def _print(explanation: Mapping[str, Any]) -> None:
    reason = f" ({explanation['closed_reason']})" if explanation["closed_reason"] else ""
    out.print(f"lead {explanation['id']}", style="bold", end="")
    out.print(f"  {explanation['state']}{reason}  {explanation['number'] or ''}")
    out.print(_next_call(explanation))
    verdicts = Table(box=None, pad_edge=False)
    for heading in ("", "Rule", "Why", "Until (UTC)"):
        verdicts.add_column(heading, overflow="fold")
    for verdict in explanation["verdicts"]:
        mark = Text("✓", "green") if verdict["passed"] else Text("✗", "red")
        until: datetime | None = verdict["until"]
        verdicts.add_row(mark, verdict["rule"], verdict["reason"], f"{until:%Y-%m-%d %H:%M:%S}" if until else "")
    out.print(verdicts)


def _next_call(explanation: Mapping[str, Any]) -> str:
    due_at: datetime | None = explanation["due_at"]
    if due_at is None:
        return "no next call is known"
    local = explanation["due_at_local"]
    there = f", {local} in {explanation['timezone']}" if local else ""
    return f"next call {due_at:%Y-%m-%d %H:%M:%S} UTC{there}, {explanation['dial_string']} by {explanation['trunk']}"
