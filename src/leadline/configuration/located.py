"""YAML that remembers where everything stands: a tree of plain values with line and column.

Read by the core schema of YAML 1.2 (section 10.3.2) rather than by the habits of 1.1: keys are text, so that
`on:` and `1:` mean what they say, `yes` is text, and `+919800000000` is a telephone number, not a sum.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Self

import yaml

from leadline.configuration.problems import Problem

Scalar = str | int | float | bool | None
Step = str | int
"""A key of a mapping, or an index of a list."""

_TAG: Final = "tag:yaml.org,2002:"
_SYNTAX_HINTS: Final = {
    "'\\t'": "indent with spaces, not tabs",
    "mapping values are not allowed": "put a text that holds ': ' in quotes",
    "expected <block end>": "indent the keys of one mapping alike",
    "undefined alias": "a text that begins with * must stand in quotes",
}


_DEEPEST: Final = 50
_MOST: Final = 200_000
"""Values of a file, aliases written out: a large centre's has thousands."""
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]  # of this class, not of its instances


for _kind, _shape, _first in (
    ("null", r"(?:~|null|Null|NULL|)$", ("~", "n", "N", "")),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", tuple("tTfF")),
    ("int", r"(?:0|-?[1-9][0-9]{0,17})$", tuple("-0123456789")),
    ("float", r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]{1,2})?$", tuple("-0123456789")),
):
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(_shape), _first)


@dataclass(frozen=True, slots=True)
class Located:
    """A value and its place; `key_line` and `key_column` are those of the key that it stands under."""

    path: str
    line: int
    column: int
    value: "Scalar | dict[str, Located] | list[Located]"
    key_line: int = 0
    key_column: int = 0
    pruned: bool = field(default=False)
    """Whether a fault was cut out at or below this place: what hangs on its absence is not to be believed."""

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, step: Step) -> "Located | None":
        """What stands under a key or an index, if anything does."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def walk(self, steps: Sequence[Step]) -> "list[Located]":
        """The places from here along `steps`, as far as they exist; this one is the first."""
        places = [self]
        for step in steps:
            place = places[-1].child(step)
            if place is None:
                break
            places.append(place)
        return places

    def match(self, steps: Sequence[str]) -> "Iterator[Located]":
        """Every place that a pattern names; `*` stands for each key or element."""
        if not steps:
            yield self
        elif steps[0] == "*" and isinstance(self.value, dict | list):
            for child in self.value.values() if isinstance(self.value, dict) else self.value:
                yield from child.match(steps[1:])
        elif (named := self.child(steps[0])) is not None:
            yield from named.match(steps[1:])

    def without(self, steps: Sequence[Step]) -> Self:
        """A copy in which the place at the end of `steps` is cut out, and every place above it says so."""
        first, rest = steps[0], steps[1:]
        if isinstance(self.value, dict):
            left = dict(self.value)
            _cut(left, str(first), rest)
            return replace(self, value=left, pruned=True)
        if isinstance(self.value, list) and isinstance(first, int):
            kept = dict(enumerate(self.value))
            _cut(kept, first, rest)
            return replace(self, value=list(kept.values()), pruned=True)
        return self

    def problem(self, text: str) -> Problem:
        """A fault of this value."""
        return Problem(self.line, self.column, self.path, text)

    def key_problem(self, text: str) -> Problem:
        """A fault of the key that this value stands under."""
        return Problem(self.key_line or self.line, self.key_column or self.column, self.path, text)


def _cut(children: "dict[Any, Located]", step: Step, rest: Sequence[Step]) -> None:
    if rest:
        children[step] = children[step].without(rest)
    else:
        del children[step]


def parse(text: str) -> tuple[Located, list[Problem]]:
    """The tree of a YAML text and every fault found on the way; after a fault of syntax the tree is empty."""
    empty = Located("", 1, 1, {})
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            return empty, []
        reader = _Reader()
        return reader.read(root, "", (0, 0)), reader.problems
    except yaml.MarkedYAMLError as error:
        return empty, [_syntax_problem(error)]
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return empty, [Problem(line, 1, "", f"the character U+{error.character:04X} may not stand in YAML; delete it")]
    except (OverflowError, ValueError):  # PyYAML takes any number after \U
        return empty, [Problem(1, 1, "", "a \\U escape in this file names no character; write the character itself")]
    except RecursionError:
        return empty, [Problem(1, 1, "", "the file is nested too deeply to be a configuration; write it flatter")]


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    said = " ".join(filter(None, (error.context, error.problem)))
    hint = next(
        (hint for part, hint in _SYNTAX_HINTS.items() if part in said), "check quotes, brackets and indentation"
    )
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(line, column, "", f"this is not YAML: {said}; {hint}")


class _Reader:
    """Turns YAML nodes into places, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._open: list[yaml.Node] = []
        self._count = 0

    def read(self, node: yaml.Node, path: str, key: tuple[int, int]) -> Located:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        place = Located(path, line, column, None, *key)
        if any(node is above for above in self._open):
            self.problems.append(place.problem("this alias contains itself; write it out"))
            return replace(place, pruned=True)
        self._count += 1
        if len(self._open) == _DEEPEST or self._count == _MOST:
            raise RecursionError
        said = len(self.problems)
        self._open.append(node)
        value: Any = None
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            value = self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            value = [self.read(item, f"{path}[{index}]", (0, 0)) for index, item in enumerate(node.value)]
        else:
            value = self._scalar(node, place)
        self._open.pop()
        return replace(place, value=value, pruned=len(self.problems) > said)

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Located]:
        read: dict[str, Located] = {}
        for key_node, value_node in node.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(line, column, path, "a key must be a single word or text"))
                continue
            name = key_node.value
            if _UNWRITABLE.search(name):
                self.problems.append(Problem(line, column, path, "a key holds a control character; delete it"))
                continue
            inner = f"{path}.{name}" if path else name
            place = self.read(value_node, inner, (line, column))
            if name in read:
                first = read[name].key_line
                self.problems.append(place.key_problem(f"key {name!r} stands in line {first} already; keep one"))
            read.setdefault(name, place)
        return read

    def _scalar(self, node: yaml.Node, place: Located) -> Scalar:
        text = node.value
        match node.tag.removeprefix(_TAG):
            case "str" if isinstance(node, yaml.ScalarNode):
                if _UNWRITABLE.search(text):
                    self.problems.append(place.problem("the text holds a control character; delete it"))
                    return None
                return str(text)
            case "null":
                return None
            case "bool" if str(text).lower() in ("true", "false"):
                return str(text).lower() == "true"
            case "int" if re.fullmatch(r"-?[0-9]{1,18}", str(text), re.ASCII):
                return int(text)
            case "float" if re.fullmatch(r"-?[0-9]+\.[0-9]+([eE][-+]?[0-9]{1,2})?", str(text), re.ASCII):
                return float(text)
        self.problems.append(place.problem(f"the tag {node.tag.replace(_TAG, '!!')!r} is not read here; leave it out"))
        return None
