"""Docs that go stale fail: every setting, event, verb, rule, outcome and command stands in its page."""

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from leadline import settings
from leadline.cli.commands import app
from leadline.domain import eligibility, flow
from leadline.domain.attempt import Outcome
from leadline.domain.events import EventKind
from leadline.domain.lead import ClosedReason, LeadState
from leadline.domain.vendor import CallType, Code, Media

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rules() -> set[str]:
    """The names of rules, as the verdicts are given them."""
    tree = ast.parse(Path(eligibility.__file__).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    verdicts = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Verdict"]
    return {call.args[0].value for call in verdicts if isinstance(call.args[0], ast.Constant)}


def verbs() -> set[str]:
    return {node.__struct_config__.tag for node in (flow.Say, flow.Gather, flow.Transfer, flow.Callback, flow.Hangup)}


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("settings.md", {setting.name for setting in settings.TABLE}),
        ("events.md", set(EventKind)),
        ("flows.md", verbs()),
        ("when-a-phone-rings.md", rules()),
        ("outcomes.md", set(Outcome)),
        ("reading-back.md", set(LeadState) | set(ClosedReason)),
        ("push-data.md", {str(int(code)) for code in Code if code is not Code.SUCCESS}),
        ("push-data.md", {str(int(number)) for number in (*CallType, *Media)}),
        ("running.md", {f"leadline {name}" for name in get_command(app).commands}),
    ],
)
def test_every_name_stands_in_its_page(page, names):
    text = (DOCS / page).read_text()
    assert names
    assert [name for name in sorted(names) if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)] == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert [page for page in pages if page not in navigation] == []
