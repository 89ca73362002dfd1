"""Texts with a lead's data in them: Jinja templates in a sandbox, since the data come from outside.

The operator writes the template; what a customer pushed is only ever a value in it, and is said as it stands,
braces and all. What a template names and the lead does not have is silence, never an error: nobody is left
uncalled for a missing middle name.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jinja2 import ChainableUndefined, Template, TemplateError, meta
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST: Final = 5_000
"""Characters that are spoken of one text at most; a customer's data cannot make a call last for ever."""
LARGEST_FACTOR: Final = 10**9
"""No product of anything larger: a pushed number must not fill the memory."""

_FAILURES: Final = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class _Sandbox(ImmutableSandboxedEnvironment):
    """Values are plain JSON: a node of that name comes before Python's own attribute, and repetition is refused."""

    intercepted_binops = frozenset({"*", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or not (_is_factor(left) and _is_factor(right)):
            raise SecurityError(f"{operator} is for numbers of ordinary size")
        return super().call_binop(context, operator, left, right)


def _is_factor(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= LARGEST_FACTOR


ENVIRONMENT: Final = _Sandbox(
    undefined=ChainableUndefined, autoescape=False, finalize=lambda value: "" if value is None else value
)


def render(text: str, words: Mapping[str, Any]) -> str:
    """The text with the words in place, blanks folded, `LONGEST` characters at most; empty if nothing is to be said.

    A template that fails on these words (a filter that does not fit the value) says nothing.
    """
    try:
        said = _beginning(_compiled(text), {name: value for name, value in words.items() if value is not None})
    except _FAILURES:
        return ""
    return " ".join(said.split())[:LONGEST].rstrip()


def names(text: str) -> frozenset[str]:
    """The names of a lead's data that a template speaks; raises TemplateSyntaxError."""
    return frozenset(meta.find_undeclared_variables(ENVIRONMENT.parse(text))) - ENVIRONMENT.globals.keys()


def _beginning(template: Template, words: Mapping[str, Any]) -> str:
    """As much of the text as can be spoken: a loop over pushed data is left when enough has been said."""
    parts, length = [], 0
    for part in template.generate(words):
        parts.append(part)
        length += len(part) - part.count(" ")
        if length > LONGEST:
            break
    return "".join(parts)


@lru_cache(maxsize=1_024)
def _compiled(text: str) -> Template:
    return ENVIRONMENT.from_string(text)
