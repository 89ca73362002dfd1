"""`--set KEY=VALUE`: what would be otherwise if a configuration said something else of a process or a trunk."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from leadline.configuration.configuration import Configuration
from leadline.configuration.problems import UnusableConfiguration
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError
from leadline.domain.policy import Mode

TRUNKS: Final = "trunks"
_STRING: Final = "tag:yaml.org,2002:str"
_MAPPING: Final = "tag:yaml.org,2002:map"


@dataclass(frozen=True, slots=True)
class Changes:
    """Values by the place of their keys, of a process or below `trunks.NAME`; `mode` and `agents` are the day's."""

    keys: Mapping[str, str] = field(default_factory=dict)
    mode: Mode | None = None
    agents: int | None = None

    @classmethod
    def of(cls, sets: Sequence[str]) -> "Changes":
        """What is written as KEY=VALUE; raises ConfigurationError."""
        keys: dict[str, str] = {}
        for written in sets:
            key, sign, value = written.partition("=")
            if not sign or not all(key.split(".")):
                raise ConfigurationError(f"--set {written} is no KEY=VALUE: write --set retry.busy.after=5m")
            keys[key.strip()] = value.strip()
        mode, agents = keys.pop("mode", None), keys.pop("agents", None)
        return cls(keys, _mode(mode) if mode else None, _count(agents) if agents else None)


def _mode(written: str) -> Mode:
    try:
        return Mode(written)
    except ValueError:
        raise ConfigurationError(f"{written!r} is no mode: --set mode= with one of {', '.join(Mode)}") from None


def _count(written: str) -> int:
    if not written.isdecimal():
        raise ConfigurationError(f"{written!r} is no number of agents: write --set agents=30")
    return int(written)


def changed(file: Path, servicekey: str, changes: Changes, environment: Mapping[str, str]) -> Configuration:
    """The configuration of a file as it would be; raises UnusableConfiguration, ConfigurationError."""
    root = yaml.compose(file.read_text("utf-8-sig"), Loader=yaml.SafeLoader)
    for key, value in changes.keys.items():
        first, *rest = key.split(".")
        if first == TRUNKS and rest:
            _set(_named(root, (TRUNKS,), "name", rest[0]), rest[1:], value)
        else:
            _set(_named(root, ("organisations", "processes"), "servicekey", servicekey), [first, *rest], value)
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / file.name
        copy.write_text(yaml.serialize(root, allow_unicode=True), "utf-8")
        try:
            return read(copy, environment)
        except UnusableConfiguration as error:
            told = "\n".join(f"{problem.path}: {problem.text}" for problem in error.problems)
            raise ConfigurationError(f"{file} cannot be used with what --set says\n{told}") from None


def _named(node: Node | None, lists: Sequence[str], key: str, name: str) -> MappingNode:
    """The mapping of that name, in lists within lists."""
    found = [node]
    for wanted in lists:
        found = [entry for each in found for entry in _entries(_value(each, wanted))]
    for each in found:
        own = _value(each, key)
        if isinstance(each, MappingNode) and isinstance(own, ScalarNode) and own.value.strip() == name:
            return each
    raise ConfigurationError(f"--set: there is none of {lists[-1]} with the {key} {name!r}")


def _entries(node: Node | None) -> list[Node]:
    return list(node.value) if isinstance(node, SequenceNode) else []


def _value(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for own, value in node.value if own.value == key), None)


def _set(node: MappingNode, steps: Sequence[str], value: str) -> None:
    """Write a value below a mapping, with the mappings on the way to it."""
    if not steps:
        raise ConfigurationError(
            "--set trunks.NAME says what of the trunk is to change: --set trunks.telco.channels=20"
        )
    step, *rest = steps
    own = _value(node, step)
    if rest:
        if not isinstance(own, MappingNode):
            own = MappingNode(_MAPPING, [], flow_style=True)
            _put(node, step, own)
        _set(own, rest, value)
        return
    try:
        written = yaml.compose(value, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        raise ConfigurationError(f"--set {step}={value}: the value is no YAML; put it in quotes") from None
    _put(node, step, written if written is not None else ScalarNode(_STRING, "", style='"'))


def _put(node: MappingNode, key: str, value: Node) -> None:
    node.value = [(own, old) for own, old in node.value if own.value != key]
    node.value.append((ScalarNode(_STRING, key), value))
