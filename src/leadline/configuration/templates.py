"""Texts to be spoken: Jinja templates that must compile, and that name a lead's data as it is offered."""

from typing import Final

from jinja2 import TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

_ENVIRONMENT: Final = SandboxedEnvironment()


def template(value: object) -> str:
    """A text that compiles as a sandboxed template; raises ValueError with the line within the text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not blank, in quotes")
    try:
        tree = _ENVIRONMENT.parse(value)
        _ENVIRONMENT.compile(value)
    except TemplateSyntaxError as error:
        where = f"in line {error.lineno} of the text: " if "\n" in value.strip() else ""
        raise ValueError(f"the template does not compile: {where}{error.message}") from None
    if any(meta.find_referenced_templates(tree)):
        raise ValueError("a template cannot include, import or extend another; write the text out")
    for name in sorted(names(value)):
        if name != name.lower():
            raise ValueError(f"{{{{ {name} }}}} is always empty; a lead's data are named in lower case: {name.lower()!r}")
    return value


def names(text: str) -> frozenset[str]:
    """The names of a lead's data that a template speaks."""
    return frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(text))) - _ENVIRONMENT.globals.keys()
