"""Templates render what a customer pushed, and nothing that a customer pushes can make them do more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateSyntaxError

from leadline.domain.template import LONGEST, names, render


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hello {{ fname }}!", "Hello Asha!"),
        ("  Hello \n {{fname}}\t, ", "Hello Asha ,"),
        ("Hello {{ mname }} {{ fname }}", "Hello Asha"),
        ("{{ mname.first.letter }}", ""),
        ("{{ nothing }}{{ deep.nothing }}", ""),
        ("{% if amount > 1000 %}a lot{% else %}little{% endif %}", "a lot"),
        ("{{ amount * 2 }} {{ amount / 2 }}", "3000 750.0"),
        ("{{ fname | upper }} {{ mname | default('friend') }}", "ASHA friend"),
        ("{{ गाव }}", "पुणे"),
    ],
)
def test_a_text_with_the_words_in_place(template, text):
    words = {"fname": "Asha", "amount": 1500, "nothing": None, "deep": {"nothing": None}, "गाव": "पुणे"}
    assert render(template, words) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ fname.__class__.__mro__ }}",
        "{{ fname.__class__.__mro__[1].__subclasses__() }}",
        "{{ fname.format.__globals__ }}",
        "{{ '{0.__class__}'.format(fname) }}",
        "{{ items.append(1) }}",
        "{{ fname * 10 ** 10 }}",
        "{{ fname * amount }}",
        "{{ items * amount }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(10 ** 12) | list }}",
        "{{ 1 / zero }}",
        "{{ fname + amount }}",
        "{% for x in amount %}{{ x }}{% endfor %}",
    ],
)
def test_what_reaches_out_or_fails_says_nothing(template):
    assert render(template, {"fname": "Asha", "amount": 10**12, "items": [1], "zero": 0}) == ""


def test_pushed_data_cannot_make_a_text_long():
    assert len(render("{{ fname }}", {"fname": "a" * 10**6})) == LONGEST
    endless = "{% for a in items %}{% for b in items %}{% for c in items %}{{ a }}{% endfor %}{% endfor %}{% endfor %}"
    assert len(render(endless, {"items": ["word"] * 3_000})) == LONGEST


def test_blanks_do_not_count_as_speech():
    assert render("{% for x in items %} {% endfor %}{{ fname }}", {"items": [0] * 9_000, "fname": "Asha"}) == "Asha"


@given(st.text(), st.text())
def test_a_value_is_never_a_template(before, value):
    folded = " ".join(f"- {value} -".split())
    assert render("- {{ value }} -", {"value": value, "before": before}) == folded[:LONGEST].rstrip()


@given(st.text())
def test_no_template_that_compiles_brings_anything_down(template):
    try:
        names(template)
    except TemplateSyntaxError:
        return
    assert len(render(template, {"fname": "Asha"})) <= LONGEST


def test_the_names_that_a_text_says():
    assert names("{{ fname }} {% if amount %}{{ extra.city }}{% endif %} {{ range(3) | list }}") == {
        "fname", "amount", "extra",
    }  # fmt: skip
