"""The graph of a message flow: its nodes, each with one verb, and what makes a graph unwalkable."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from msgspec import Struct

from leadline.domain.do_not_call import DoNotCallList


class Say(Struct, frozen=True, tag="say", tag_field="verb"):
    """Play a prompt. `texts` is a template per language (BCP 47), or one under `""` for any language."""

    texts: Mapping[str, str]
    then: str

    @property
    def targets(self) -> Mapping[str, str]:
        return {"then": self.then}


class Gather(Struct, frozen=True, tag="gather", tag_field="verb"):
    """Take `digits` keys. `on` maps what was pressed to a node, `none` what follows silence; `any` any other entry.

    The question is played `repeat` times in all before `none` is taken.
    """

    on: Mapping[str, str]
    digits: int = 1
    timeout: timedelta = timedelta(seconds=5)
    repeat: int = 2
    barge_in: bool = True

    @property
    def targets(self) -> Mapping[str, str]:
        return self.on


class Transfer(Struct, frozen=True, tag="transfer", tag_field="verb"):
    """Connect the customer to an agent of a queue, to one agent, or to a number; `on` has `no_agent` and `ended`."""

    queue: str | None
    on: Mapping[str, str]
    timeout: timedelta = timedelta(seconds=20)
    agent: str | None = None
    number: str | None = None

    @property
    def targets(self) -> Mapping[str, str]:
        return self.on


class Callback(Struct, frozen=True, tag="callback", tag_field="verb"):
    """Promise another call `after` now."""

    after: timedelta
    then: str

    @property
    def targets(self) -> Mapping[str, str]:
        return {"then": self.then}


class Dnc(Struct, frozen=True, tag="dnc", tag_field="verb"):
    """Put the customer's number on the do-not-call list of the organisation or of this process.

    It stays there as long as it `lasts`; None is for ever.
    """

    then: str
    to: DoNotCallList = DoNotCallList.ORGANISATION
    lasts: timedelta | None = None

    @property
    def targets(self) -> Mapping[str, str]:
        return {"then": self.then}


class Hangup(Struct, frozen=True, tag="hangup", tag_field="verb"):
    """End the call; `outcome` is the user's own word and becomes the attempt's disposition."""

    outcome: str | None = None

    @property
    def targets(self) -> Mapping[str, str]:
        return {}


Node = Say | Gather | Transfer | Callback | Dnc | Hangup


class Flow(Struct, frozen=True, dict=True):
    """A named graph of nodes, entered at `start`."""

    name: str
    start: str
    nodes: Mapping[str, Node]

    @cached_property
    def speaks(self) -> bool:
        return any(isinstance(node, Say) for node in self.nodes.values())

    def says(self) -> Iterator[tuple[str, Say]]:
        """Every node that speaks, with its name."""
        for name, node in self.nodes.items():
            if isinstance(node, Say):
                yield name, node


@dataclass(frozen=True, slots=True)
class FlowProblem:
    """One fault of a graph: the node, the key within it, and a sentence."""

    node: str
    key: str
    problem: str


def validate(flow: Flow) -> list[FlowProblem]:
    """Every fault that makes a flow unwalkable: dangling names, unreachable nodes, circles that nothing ends."""
    if flow.start not in flow.nodes:
        return [FlowProblem("", "start", f"there is no node {flow.start!r}")]
    problems = [
        FlowProblem(name, key, f"there is no node {target!r}")
        for name, node in flow.nodes.items()
        for key, target in node.targets.items()
        if target not in flow.nodes
    ]
    problems += [
        FlowProblem(name, "on", f"{key!r} must have a node to go to")
        for name, node in flow.nodes.items()
        for key in _demanded(node)
        if key not in node.targets
    ]
    if problems:
        return problems
    reached = _reach(flow, flow.start)
    problems = [FlowProblem(name, "", "nothing leads to this node") for name in flow.nodes if name not in reached]
    if not any(isinstance(flow.nodes[name], Hangup) for name in reached):
        problems.append(FlowProblem(flow.start, "", "no way through this flow ends in a hangup"))
    problems += [
        FlowProblem(name, "then", "these nodes go round for ever: nothing in the circle waits for the customer")
        for name in sorted(reached)
        if _spins(flow, name)
    ]
    return problems


def _demanded(node: Node) -> tuple[str, ...]:
    match node:
        case Gather():
            return ("none",)
        case Transfer():
            return ("no_agent", "ended")
        case _:
            return ()


def _reach(flow: Flow, start: str) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for target in flow.nodes[waiting.pop()].targets.values():
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached


def _spins(flow: Flow, name: str) -> bool:
    """Whether a chain of nodes that take no time leads from `name` back to itself."""
    seen = name
    for _ in flow.nodes:
        node = flow.nodes[seen]
        if not isinstance(node, Callback | Dnc):
            return False
        seen = node.then
        if seen == name:
            return True
    return False
