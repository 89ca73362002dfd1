"""Texts to be spoken: Jinja templates that must compile, and that name a lead's data as it is offered."""

from jinja2 import TemplateSyntaxError, meta

from leadline.domain.template import ENVIRONMENT, names


def template(value: object) -> str:
    """A text that compiles as a sandboxed template; raises ValueError with the line within the text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text that is not blank, in quotes")
    try:
        tree = ENVIRONMENT.parse(value)
        ENVIRONMENT.compile(value)
    except TemplateSyntaxError as error:
        where = f"in line {error.lineno} of the text: " if "\n" in value.strip() else ""
        raise ValueError(f"the template does not compile: {where}{error.message}") from None
    except (RecursionError, SyntaxError, ArithmeticError, ValueError):
        raise ValueError("the template does not compile: write it more simply") from None
    if any(True for _ in meta.find_referenced_templates(tree)):
        raise ValueError("a template cannot include, import or extend another; write the text out")
    for name in sorted(names(value)):
        if name != name.lower():
            raise ValueError(f"{{{{ {name} }}}} is always empty; write it in lower case: {name.lower()}")
    return value
