"""The message flow: a graph of nodes, and the one function that walks it.

`step(flow, state, event)` takes what happened on the call and gives the next state and what is to be done.
It is pure: playing, timing, transferring and hanging up are actions for `calling/` to carry out, and their
results come back as events.

A gather's question is the `say` walked just before it. A key pressed while the question plays counts
(barge-in) unless the gather says `barge_in: false`.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.flow_graph import (
    Callback,
    Dnc,
    Flow,
    FlowProblem,
    Gather,
    Hangup,
    Node,
    Say,
    Transfer,
    validate,
)

__all__ = [
    "Callback",
    "Dnc",
    "Flow",
    "FlowProblem",
    "Gather",
    "Hangup",
    "Node",
    "Say",
    "Transfer",
    "step",
    "validate",
]  # fmt: skip

ENDS: Final = "#"
"""The key by which a customer ends an entry that may be shorter than asked for."""

# What happened on the call.


@dataclass(frozen=True, slots=True)
class Begun:
    """The customer answered."""


@dataclass(frozen=True, slots=True)
class Played:
    """The prompt was heard to its end."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key was pressed."""

    digit: str


@dataclass(frozen=True, slots=True)
class Silence:
    """The time to press a key has passed."""


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """What became of a transfer: `no_agent` or `ended`."""

    result: str


FlowEvent = Begun | Played | Pressed | Silence | TransferEnded

# What is to be done about it.


@dataclass(frozen=True, slots=True)
class Play:
    """Play the prompt of this node, from its beginning."""

    node: str


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Fall silent: the customer has spoken by key."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Start the wait for a key anew; `Silence` comes if none is pressed in time."""

    timeout: timedelta


@dataclass(frozen=True, slots=True)
class StopListening:
    """The wait for a key is over."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect to what the transfer names; `TransferEnded` comes."""

    transfer: Transfer


@dataclass(frozen=True, slots=True)
class PromiseCallback:
    """The customer is to be called again `after` now."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class ListNumber:
    """The customer is not to be called again: by anybody of the organisation, or by this process; None: for ever."""

    to: DoNotCallList
    lasts: timedelta | None


@dataclass(frozen=True, slots=True)
class EndCall:
    """Hang up; the disposition is the user's word for how it went."""

    disposition: str | None


Action = Play | StopPlaying | Listen | StopListening | Connect | PromiseCallback | ListNumber | EndCall


@dataclass(frozen=True, slots=True)
class FlowState:
    """Where a call is in its flow."""

    node: str = ""
    playing: bool = False
    question: str | None = None
    """The `say` walked just before this node, to be played again."""
    asked: int = 0
    """How often the question has been played for this gather."""
    entry: str = ""
    """Keys pressed for this gather so far."""
    path: tuple[str, ...] = field(default=())
    digits: str = ""
    """Every entry of the call, as accepted, in order."""


Step = tuple[FlowState, list[Action]]


def step(flow: Flow, state: FlowState, event: FlowEvent) -> Step:
    """The next state and what is to be done; an event that means nothing here changes nothing."""
    if isinstance(event, Begun):
        return _enter(flow, state, flow.start)
    match flow.nodes[state.node], event:
        case Say() as say, Played():
            return _enter(flow, replace(state, playing=False, question=state.node), say.then)
        case Say() as say, Pressed(digit):
            return _barge_in(flow, state, say, digit)
        case Gather() as gather, Played():
            return replace(state, playing=False), [Listen(gather.timeout)]
        case Gather() as gather, Pressed(digit):
            return _take(flow, state, gather, digit)
        case Gather() as gather, Silence():
            return _no_key(flow, state, gather)
        case Transfer() as transfer, TransferEnded(result):
            return _enter(flow, state, transfer.on.get(result, transfer.on["no_agent"]))
        case _:
            return state, []


def _enter(flow: Flow, state: FlowState, name: str) -> Step:
    """Arrive at a node; nodes that take no time are passed through at once."""
    came_from_question = state.question == state.node
    state = replace(state, node=name, path=(*state.path, name), entry="", playing=False)
    match flow.nodes[name]:
        case Say():
            return replace(state, playing=True, question=None), [Play(name)]
        case Gather() as gather:
            asked = 1 if came_from_question else 0
            question = state.question if came_from_question else None
            return replace(state, asked=asked, question=question), [Listen(gather.timeout)]
        case Transfer() as transfer:
            return replace(state, question=None), [Connect(transfer)]
        case Callback() as callback:
            after, actions = _enter(flow, replace(state, question=None), callback.then)
            return after, [PromiseCallback(callback.after), *actions]
        case Dnc() as dnc:
            after, actions = _enter(flow, replace(state, question=None), dnc.then)
            return after, [ListNumber(dnc.to, dnc.lasts), *actions]
        case Hangup() as hangup:
            return replace(state, question=None), [EndCall(hangup.outcome)]


def _barge_in(flow: Flow, state: FlowState, say: Say, digit: str) -> Step:
    gather = flow.nodes[say.then]
    if not isinstance(gather, Gather) or not gather.barge_in:
        return state, []
    state, entered = _enter(flow, replace(state, question=state.node), say.then)
    state, taken = _take(flow, state, gather, digit)
    return state, [StopPlaying(), *entered, *taken]


def _take(flow: Flow, state: FlowState, gather: Gather, digit: str) -> Step:
    if state.playing and not gather.barge_in:
        return state, []
    silence: list[Action] = [StopPlaying()] if state.playing else []
    ended = digit == ENDS and gather.digits > 1
    entry = state.entry if ended else state.entry + digit
    state = replace(state, entry=entry, playing=False)
    if len(entry) < gather.digits and not ended:
        return state, [*silence, Listen(gather.timeout)]
    after, actions = _judge_entry(flow, state, gather)
    return after, [*silence, *actions]


def _no_key(flow: Flow, state: FlowState, gather: Gather) -> Step:
    """Time is up: what was pressed so far is taken as the entry, nothing at all as silence."""
    if state.playing:
        return state, []
    return _judge_entry(flow, state, gather) if state.entry else _ask_again(flow, state, gather)


def _judge_entry(flow: Flow, state: FlowState, gather: Gather) -> Step:
    target = gather.on.get(state.entry) or (gather.on.get("any") if state.entry else None)
    if target is None or state.entry in ("none", "any"):
        return _ask_again(flow, state, gather)
    state = replace(state, digits=state.digits + state.entry, question=None)
    after, actions = _enter(flow, state, target)
    return after, [StopListening(), *actions]


def _ask_again(flow: Flow, state: FlowState, gather: Gather) -> Step:
    if state.asked >= gather.repeat or (state.question is None and state.asked + 1 >= gather.repeat):
        after, actions = _enter(flow, replace(state, question=None), gather.on["none"])
        return after, [StopListening(), *actions]
    state = replace(state, asked=state.asked + 1, entry="")
    if state.question is None:
        return state, [Listen(gather.timeout)]
    return replace(state, playing=True), [StopListening(), Play(state.question)]
