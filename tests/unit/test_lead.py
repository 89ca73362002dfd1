"""A lead is never changed in place."""

from dataclasses import FrozenInstanceError, replace

import pytest

from builders import NOON, a_lead
from leadline.domain.lead import Lead


def test_but_makes_another_lead_and_leaves_the_first():
    lead = a_lead(events=2)
    changed = lead.but(due_at=None, events=3)
    assert changed == replace(lead, due_at=None, events=3)
    assert (lead.due_at, lead.events) == (NOON, 2)
    assert lead.but() == lead


def test_a_new_lead_is_what_the_constructor_makes():
    lead = a_lead(call_at=NOON)
    given = {
        name: value for name, value in vars(lead).items() if value is not None and name not in ("opening", "events")
    }
    assert Lead.new(given, id=8) == lead.but(id=8)


def test_a_lead_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        a_lead().but(events=1).events = 2
