"""Docs that go stale fail: every setting, event, verb, rule, outcome and command stands in its page."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from builders import NOON, a_lead, a_policy, a_trunk
from leadline import settings
from leadline.cli.commands import app
from leadline.domain import eligibility, flow
from leadline.domain.attempt import Outcome
from leadline.domain.eligibility import Facts
from leadline.domain.events import EventKind
from leadline.domain.lead import ClosedReason, LeadState
from leadline.domain.vendor import CallType, Code, Media

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rules() -> set[str]:
    """The names of all rules: each has its verdict on any lead with a number."""
    return {verdict.rule for verdict in eligibility.judge(Facts(a_lead(), a_policy(), (a_trunk(),), None, None, NOON))}


def verbs() -> set[str]:
    return {
        node.__struct_config__.tag
        for node in (flow.Say, flow.Gather, flow.Transfer, flow.Callback, flow.Dnc, flow.Hangup)
    }


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
