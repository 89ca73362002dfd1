"""Texts with a lead's data in them: Jinja templates in a sandbox, since the data come from outside.

What a template names and the lead does not have is silence, never an error: nobody is left uncalled for a missing
middle name.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import ChainableUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

ENVIRONMENT: Final = ImmutableSandboxedEnvironment(undefined=ChainableUndefined, autoescape=False)
LONGEST: Final = 5_000
"""Characters that are spoken of one text at most; a customer's data cannot make a call last for ever."""


def render(text: str, words: Mapping[str, Any]) -> str:
    """The text with the words in place, blanks folded; empty if nothing is left to say.

    A template that fails on these words (a filter that does not fit the value) says nothing.
    """
    try:
        said = _compiled(text).render({name: value for name, value in words.items() if value is not None})
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return ""
    return " ".join(said.split())[:LONGEST]


def names(text: str) -> frozenset[str]:
    """The names of a lead's data that a template speaks; raises TemplateSyntaxError."""
    return frozenset(meta.find_undeclared_variables(ENVIRONMENT.parse(text))) - ENVIRONMENT.globals.keys()


@lru_cache(maxsize=1_024)
def _compiled(text: str) -> Template:
    return ENVIRONMENT.from_string(text)
