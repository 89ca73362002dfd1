"""Which words a lead's flow says, in which language, and when two prompts are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_lead
from leadline.domain.flow import Flow, Hangup, Say
from leadline.domain.policy import SpeechChoice
from leadline.domain.prompt import Prompt, canonical, choose, prompts_of, words_of
from leadline.domain.template import LONGEST

ENGLISH, HINDI, ANY = "Hello {{ fname }}", "नमस्ते {{ fname }}", "{{ message }}"


def a_flow(**texts):
    return Flow(
        name="welcome",
        start="greet",
        nodes={
            "greet": Say(texts={tag.replace("_", "-"): text for tag, text in texts.items()}, then="bye"),
            "bye": Hangup(),
        },
    )


def said(flow, lead, **speech):
    return {name: (p.language, p.text) for name, p in prompts_of(flow, lead, SpeechChoice(**speech)).items()}


@pytest.mark.parametrize(
    ("wanted", "default", "chosen"),
    [
        ("en", "en", ("en", ENGLISH)),
        ("hi", "en", ("hi", HINDI)),
        ("HI", "en", ("hi", HINDI)),
        ("hi-IN", "en", ("hi-IN", HINDI)),
        ("hi_in", "en", ("hi-IN", HINDI)),
        ("mr", "en", ("en", ENGLISH)),
        ("mr", "en-IN", ("en-IN", ENGLISH)),
        ("mr", "hi", ("hi", HINDI)),
        ("mr", "ta", ("en", ENGLISH)),
        ("x", "ta", ("en", ENGLISH)),
        ("-", "-", ("en", ENGLISH)),
    ],
)
def test_the_text_of_a_language(wanted, default, chosen):
    assert choose({"en": ENGLISH, "hi": HINDI}, wanted, default) == chosen


def test_a_text_for_one_region_serves_its_language():
    texts = {"pt-BR": "Oi", "en-GB": "Hello", "en": "Hi"}
    assert choose(texts, "pt", "en") == ("pt", "Oi")
    assert choose(texts, "pt-PT", "en") == ("pt-PT", "Oi")
    assert choose(texts, "en-GB", "pt") == ("en-GB", "Hello")
    assert choose(texts, "en-US", "pt") == ("en-US", "Hi")


def test_one_text_for_any_language_is_spoken_in_the_leads_own():
    assert choose({"": ANY}, "mr", "en") == ("mr", ANY)
    assert said(a_flow(**{"": ANY}), a_lead(language="hi", fields={"message": "नमस्ते"})) == {"greet": ("hi", "नमस्ते")}
    assert said(a_flow(**{"": ANY}), a_lead(fields={"message": "hey"}), language="en-IN") == {"greet": ("en-IN", "hey")}


@pytest.mark.parametrize(
    ("written", "tag"),
    [("hi", "hi"), ("HI-in", "hi-IN"), (" zh_hans_cn ", "zh-Hans-CN"), ("es-419", "es-419"), ("", ""), ("-", "-")],
)
def test_a_tag_has_one_spelling(written, tag):
    assert canonical(written) == tag


@given(
    st.dictionaries(st.sampled_from(["", "en", "en-IN", "hi", "HI_in", "mr"]), st.text(), min_size=1),
    st.text(),
    st.sampled_from(["en", "hi-IN", "ta"]),
)
def test_there_is_always_a_text(texts, wanted, default):
    language, text = choose(texts, wanted, default)
    assert text in texts.values()
    assert language == canonical(language)


# Words


def test_a_lead_with_a_name_alone_is_called_by_it():
    assert said(a_flow(en=ENGLISH), a_lead(name="Asha Rao")) == {"greet": ("en", "Hello Asha Rao")}


def test_a_lead_with_first_and_last_name_has_both_as_its_name():
    lead = a_lead(fname="Asha", lname="Rao")
    assert said(a_flow(en="{{ name }}, {{ fname }}, {{ lname }}"), lead) == {"greet": ("en", "Asha Rao, Asha, Rao")}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ extrafield1 }} rupees", "5 rupees"),
        ("{{ extrafield1 + 1 }}", "6"),
        ("{{ extra_params.city.name }}", "पुणे"),
        ("{{ extra_params.items }}", "3"),
        ("a {{ extra_params.missing.deeper }} b", "a b"),
        ("a {{ extra_params.nothing }} b", "a b"),
        ("{{ policies[0].no }}", "P-1"),
        ("{% for p in policies %}{{ p.no }} {% endfor %}", "P-1 P-2"),
        ("{{ customercode }}/{{ leadnumber }}", "C1/L1"),
    ],
)
def test_every_node_that_was_pushed_may_be_said(template, text):
    lead = a_lead(
        customercode="C1",
        leadnumber="L1",
        fields={
            "ExtraField1": 5,
            "extra_params": {"city": {"name": "पुणे"}, "items": 3, "nothing": None},
            "Policies": [{"no": "P-1"}, {"no": "P-2"}],
        },
    )
    assert said(a_flow(en=template), lead) == {"greet": ("en", text)}


def test_a_leads_own_nodes_are_not_hidden_by_a_field():
    assert words_of(a_lead(fname="Asha", fields={" FName ": "Eve"}))["fname"] == "Asha"


def test_what_comes_out_empty_is_not_made():
    assert said(a_flow(en="{{ nobody }}"), a_lead()) == {}


def test_a_process_without_flow_or_speech_says_nothing():
    assert prompts_of(None, a_lead(), SpeechChoice()) == {}
    assert prompts_of(a_flow(en=ENGLISH), a_lead(), None) == {}


# What a customer pushes is data

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(min_size=1))
def test_a_name_is_said_as_it_stands_braces_and_all(name):
    spoken = prompts_of(a_flow(en="{{ fname }}"), a_lead(fname=name), SpeechChoice())
    assert [prompt.text for prompt in spoken.values()] == ([folded] if (folded := " ".join(name.split())) else [])


@pytest.mark.parametrize(
    "name", ["{{ 7 * 7 }}", "{% for x in y %}", "{{ lead.__class__ }}", "{# #}", "<b>&amp;", "आशा"]
)
def test_a_template_in_a_name_stays_a_name(name):
    assert said(a_flow(en="Hello {{ fname }}"), a_lead(fname=name)) == {"greet": ("en", f"Hello {name}")}


@given(st.dictionaries(st.text(), _JSON, max_size=5), st.text())
def test_whatever_fields_a_lead_has_its_prompts_can_be_named(fields, language):
    flow = a_flow(
        en="{{ x }} {{ name }} {{ a.b.c }} {{ 'x' ~ x }} {{ x | upper }} {{ customercode }} {{ y + 1 }}",
        hi="{{ x[0] }}",
    )
    for prompt in prompts_of(flow, a_lead(fields=fields, language=language or None), SpeechChoice()).values():
        assert 0 < len(prompt.text) <= LONGEST
        assert len(prompt.key) == 32


_PROMPTS = st.builds(
    Prompt, st.text(), st.sampled_from(["en", "hi"]), st.none() | st.just("f3"), st.sampled_from(["a", "b"])
)


@given(_PROMPTS, _PROMPTS)
def test_two_prompts_are_one_if_they_sound_the_same(one, other):
    assert (one.key == other.key) is (one == other)
