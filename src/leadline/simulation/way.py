"""A customer's way through the flow of a call, by the very function that walks it live; keys are pressed by chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from typing import Final

from leadline.domain import flow as flows
from leadline.domain.flow import Flow, FlowEvent, FlowState, Hangup, Say, Transfer, step
from leadline.domain.lead import Lead
from leadline.domain.policy import SpeechChoice
from leadline.domain.prompt import prompts_of
from leadline.simulation.model import HANG_UP, NO_KEY, Model

MOST_NODES: Final = 200
"""Who has been led through so many hangs up: a flow may go round for as long as somebody listens."""
UNTOLD: Final = Flow("message", "say", {"say": Say({"": ""}, "bye"), "bye": Hangup()})
"""The flow of a message process of whose flow nothing is known."""


@dataclass(slots=True)
class Walk:
    """One customer on their way, and what they have asked for on it."""

    random: Random
    listens: float
    """Seconds of a prompt whose text is not known."""
    state: FlowState = field(default_factory=FlowState)
    presses: str = ""
    """The entry that is being keyed in."""
    callback: float | None = None
    """Seconds from the last event to the call that was promised."""
    listed: flows.ListNumber | None = None
    disposition: str | None = None


class Way:
    """A flow with its times and chances; customers share it."""

    def __init__(self, flow: Flow, speech: SpeechChoice | None, anybody: Lead, model: Model) -> None:
        """What prompts say, they say to `anybody`."""
        self._flow, self._thinks = flow, model.thinks
        told = prompts_of(flow, anybody, speech or SpeechChoice())
        silent = {node: 0.0 for node, say in flow.says() if any(say.texts.values())}
        self._lengths = silent | {node: len(prompt.text) / model.spoken for node, prompt in told.items()}
        own = model.gathers.get(flow.name, {})
        self._chances = {
            node: _chances(own.get(node, model.keys))
            for node, kind in flow.nodes.items()
            if isinstance(kind, flows.Gather)
        }

    def go(self, walk: Walk, event: FlowEvent) -> tuple[float, Transfer | None]:
        """Seconds until somebody is to be connected, who is returned, or, with None, until the call is over."""
        seconds, happened = 0.0, event
        walk.callback = None
        while len(walk.state.path) < MOST_NODES:
            walk.state, actions = step(self._flow, walk.state, happened)
            for action in actions:
                match action:
                    case flows.Connect(transfer):
                        return seconds, transfer
                    case flows.EndCall(disposition):
                        walk.disposition = disposition
                        return seconds, None
                    case flows.PromiseCallback(after):
                        walk.callback = seconds + after.total_seconds()
                    case flows.ListNumber():
                        walk.listed = action
                    case flows.Play(node):
                        seconds += self._lengths.get(node, walk.listens)
                        happened = flows.Played()
                    case flows.Listen(timeout):
                        heard, waited = self._asked(walk, timeout.total_seconds())
                        seconds += waited
                        if heard is None:
                            return seconds, None
                        happened = heard
                    case flows.StopPlaying() | flows.StopListening():
                        """Nobody waits for either."""
        return seconds, None

    def _asked(self, walk: Walk, timeout: float) -> tuple[FlowEvent | None, float]:
        """What the customer does who is to press a key, and after how many seconds; None is to hang up."""
        pressed = len(walk.state.entry)
        if 0 < pressed < len(walk.presses):
            return flows.Pressed(walk.presses[pressed]), 0.0
        if pressed:
            return flows.Silence(), timeout
        entries, weights = self._chances[walk.state.node]
        (entry,) = walk.random.choices(entries, cum_weights=weights)
        if entry == NO_KEY or (after := self._thinks.draw(walk.random)) >= timeout:
            return flows.Silence(), timeout
        if entry == HANG_UP:
            return None, after
        walk.presses = entry
        return flows.Pressed(entry[0]), after


def _chances(keys: Mapping[str, float]) -> tuple[Sequence[str], Sequence[float]]:
    return list(keys), list(accumulate(keys.values()))
