"""`--set KEY=VALUE`: what would be otherwise if a configuration said something else of processes or a trunk."""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from leadline.configuration.configuration import Configuration
from leadline.configuration.problems import UnusableConfiguration, suggestion
from leadline.configuration.reading import read
from leadline.domain.errors import ConfigurationError
from leadline.domain.policy import Mode

TRUNKS: Final = "trunks"
PROCESSES: Final = "processes"
_STRING: Final = "tag:yaml.org,2002:str"
_MAPPING: Final = "tag:yaml.org,2002:map"
_EVERY: Final = ""
"""The place of what is said of every process."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Values by the place of their keys, of the processes or below `processes.NAME` and `trunks.NAME`.

    `mode` and `agents` are the day's, by the process or for all.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    agents: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, sets: Sequence[str]) -> "Changes":
        """What is written as KEY=VALUE; raises ConfigurationError."""
        keys: dict[str, str] = {}
        modes: dict[str, Mode] = {}
        agents: dict[str, int] = {}
        for written in sets:
            key, sign, value = (part.strip() for part in written.partition("="))
            if not sign or not all(key.split(".")):
                raise ConfigurationError(f"--set {written} is no KEY=VALUE: write --set retry.busy.after=5m")
            whose, last = _whose(key)
            if last == "mode":
                modes[whose] = _mode(value)
            elif last == "agents":
                agents[whose] = _count(value)
            else:
                keys[key] = value
        return cls(keys, modes, agents)

    def check(self, known: Collection[str]) -> None:
        """Raises ConfigurationError for a process that is not simulated."""
        below = [key.split(".")[1] for key in self.keys if key.startswith(f"{PROCESSES}.")]
        for name in (*self.modes, *self.agents, *below):
            if name != _EVERY and name not in known:
                raise ConfigurationError(
                    f"--set {PROCESSES}.{name}: there is no process {name!r} in this day; {suggestion(name, known)}"
                )

    def mode_of(self, servicekey: str) -> Mode | None:
        return self.modes.get(servicekey, self.modes.get(_EVERY))

    def agents_of(self, servicekey: str, otherwise: int) -> int:
        return self.agents.get(servicekey, self.agents.get(_EVERY, otherwise))


def _whose(key: str) -> tuple[str, str]:
    """The process that a key is of, and the key within it."""
    first, *rest = key.split(".")
    if first == PROCESSES and len(rest) > 1:
        return rest[0], ".".join(rest[1:])
    return _EVERY, key


def _mode(written: str) -> Mode:
    try:
        return Mode(written)
    except ValueError:
        raise ConfigurationError(f"{written!r} is no mode: --set mode= with one of {', '.join(Mode)}") from None


def _count(written: str) -> int:
    if not written.isdecimal():
        raise ConfigurationError(f"{written!r} is no number of agents: write --set agents=30")
    return int(written)


def changed(file: Path, servicekeys: Sequence[str], changes: Changes, environment: Mapping[str, str]) -> Configuration:
    """The configuration of a file as it would be; raises UnusableConfiguration, ConfigurationError."""
    root = yaml.compose(file.read_text("utf-8-sig"), Loader=yaml.SafeLoader)
    for key, value in changes.keys.items():
        first, *rest = key.split(".")
        if first == TRUNKS and rest:
            _set(_named(root, (TRUNKS,), "name", rest[0]), rest[1:], value)
            continue
        whose, own = _whose(key)
        for servicekey in servicekeys if whose == _EVERY else (whose,):
            _set(_named(root, ("organisations", PROCESSES), "servicekey", servicekey), own.split("."), value)
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
