"""The file against its shape: every value that cannot be is said in a sentence and cut out, and the rest is read."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from leadline.configuration.base import Document
from leadline.configuration.document import Root
from leadline.configuration.located import Located, Step
from leadline.configuration.problems import Problem, suggestion

Shape = TypeVar("Shape", bound=Document)

_A_MAPPING: Final = "must be a mapping of keys, each with its value"
_SENTENCES: Final = {
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "list_type": "must be a list: [one, two], or a line that begins with - for each",
    "dict_type": _A_MAPPING,
    "model_type": _A_MAPPING,
    "model_attributes_type": _A_MAPPING,
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "too_short": "must not be empty: {min_length} is the least",
    "string_too_long": "is too long: {max_length} characters are the most",
    "literal_error": "must be {expected}",
}


def fitted(root: Located, env: Mapping[str, str]) -> tuple[Root | None, Located, list[Problem]]:
    """The configuration file as far as it has its shape."""
    return shaped(Root, root, env)


def shaped(shape: type[Shape], root: Located, env: Mapping[str, str]) -> tuple[Shape | None, Located, list[Problem]]:
    """What of a file has its shape, where that stands, and what has not.

    A fault is cut out and the rest looked at again, so that one error hides no other; a place that something was
    cut out of is `pruned`, and what it lacks is not said again.
    """
    problems: list[Problem] = []
    while True:
        try:
            return shape.model_validate(root.plain(), context=env), root, problems
        except ValidationError as error:
            cuts = set()
            for fault in error.errors(include_url=False):
                places = root.walk(fault["loc"])
                cuts.add(tuple(fault["loc"][: len(places) - 1]))
                if not places[-1].pruned:
                    problems.append(_problem(shape, places[-1], fault))
        if () in cuts:
            return None, root, problems
        for steps in sorted(cuts, key=_backwards):
            if len(root.walk(steps)) == len(steps) + 1:
                root = root.without(steps)


def _backwards(steps: tuple[Step, ...]) -> list[tuple[int, str]]:
    """An order in which no cut moves the place of a later one: the last element of a list first."""
    return [(-step, "") if isinstance(step, int) else (0, step) for step in steps]


def _problem(shape: type[Document], place: Located, fault: Any) -> Problem:
    loc, kind = fault["loc"], fault["type"]
    if kind == "extra_forbidden":
        document = _document_at(shape, loc[:-1])
        return place.key_problem(f"unknown key; {suggestion(loc[-1], _keys(document))}")
    if kind == "missing":
        return place.problem(f"{str(loc[-1])!r} is missing; it has no default")
    if kind == "value_error":
        return place.problem(str(fault["ctx"]["error"]))
    sentence = _SENTENCES.get(kind)
    return place.problem(sentence.format(**fault.get("ctx", {})) if sentence else fault["msg"])


def _keys(document: type[Document]) -> list[str]:
    return [field.alias or name for name, field in document.model_fields.items()]


def _document_at(shape: type[Document], loc: tuple[Step, ...]) -> type[Document]:
    """The document that holds the keys at this place."""
    found = shape
    annotation: Any = shape
    for step in loc:
        kind = next(_alternatives(annotation))
        if isinstance(kind, type) and issubclass(kind, Document):
            annotation = kind.model_fields[str(step)].annotation
        else:
            annotation = get_args(kind)[-1]
        inner = next(_alternatives(annotation), None)
        if isinstance(inner, type) and issubclass(inner, Document):
            found = inner
    return found


def _alternatives(annotation: Any) -> Iterator[Any]:
    """What an annotation may be that has something inside: documents, lists and dicts."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for alternative in get_args(annotation):
            yield from _alternatives(alternative)
    elif origin in (list, dict) or (isinstance(annotation, type) and issubclass(annotation, Document)):
        yield annotation
