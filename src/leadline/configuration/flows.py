"""Message flows as they are written: nodes with one verb each, and where they lead."""

from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from leadline.configuration.base import Document
from leadline.configuration.problems import suggestion
from leadline.configuration.templates import template
from leadline.configuration.values import Duration, Login, Name, Phone, Text, between, language
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.flow import ENDS, Callback, Dnc, Flow, Gather, Hangup, Node, Say, Transfer

_GOES_ON: Final = {"say": "then", "gather": "on", "transfer": "on", "callback": "then", "dnc": "then", "hangup": None}
"""Every verb, and the key by which it names what follows."""
_RESULTS: Final = ("no_agent", "ended")
_GOALS: Final = ("queue", "agent", "number")
_NO_ENTRY: Final = ("none", "any")
_KEYS: Final = frozenset("0123456789*#")
_GATHER: Final = Gather(on={})
_TRANSFER: Final = Transfer(None, on={})


class GatherDocument(Document):
    """`gather`: how many keys are waited for, and how."""

    digits: Annotated[int, Field(ge=1, le=32)] = _GATHER.digits
    timeout: Annotated[Duration, between("500ms", "60s")] = _GATHER.timeout
    repeat: Annotated[int, Field(ge=1, le=10)] = _GATHER.repeat
    barge_in: bool = _GATHER.barge_in


class TransferDocument(Document):
    """`transfer`: to whom; a queue is a process, by its servicekey, an agent a login, a number in E.164."""

    queue: Text | None = None
    agent: Login | None = None
    number: Phone | None = None
    timeout: Annotated[Duration, between("1s", "10m")] = _TRANSFER.timeout

    @model_validator(mode="after")
    def _one_goal(self) -> Self:
        given = [name for name in _GOALS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"this one has {' and '.join(given)}" if given else "this one has none"
            raise ValueError(f"a transfer has exactly one of {', '.join(_GOALS)}: {found}")
        return self

    def node(self, on: dict[str, str]) -> Transfer:
        return Transfer(self.queue, on, self.timeout, self.agent, self.number)


class CallbackDocument(Document):
    """`callback`: how long from now."""

    after: Annotated[Duration, between("1s", "365d")]


class DncDocument(Document):
    """`dnc`: on which list the customer's number is put, and for how long; for ever, if `for` is left out."""

    to: Literal["organisation", "process"] = Field(default="organisation", alias="list")
    lasts: Annotated[Duration, between("1m", "3650d")] | None = Field(default=None, alias="for")


class HangupDocument(Document):
    """`hangup`: the author's word for how it went."""

    outcome: Annotated[Text, Field(max_length=64)] | None = None


def _any_language(value: object) -> object:
    return {"": value} if isinstance(value, str) else value


def _nothing(value: object) -> object:
    return {} if value is None else value


def _language(value: object) -> object:
    return value if value == "" else language(value)


Texts = Annotated[
    dict[Annotated[str, BeforeValidator(_language)], Annotated[str, BeforeValidator(template)]],
    Field(min_length=1),
    BeforeValidator(_any_language),
]


Targets = dict[Text, Text]


class NodeDocument(Document):
    """A node: exactly one verb, and `then` or `on` as the verb asks."""

    say: Texts | None = None
    gather: Annotated[GatherDocument | None, BeforeValidator(_nothing)] = None
    transfer: TransferDocument | None = None
    callback: CallbackDocument | None = None
    dnc: Annotated[DncDocument | None, BeforeValidator(_nothing)] = None
    hangup: Annotated[HangupDocument | None, BeforeValidator(_nothing)] = None
    then: Text | None = None
    on: Targets | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        verbs = [verb for verb in _GOES_ON if getattr(self, verb) is not None]
        if len(verbs) != 1:
            found = f"this one has {' and '.join(verbs)}" if verbs else f"one of {', '.join(_GOES_ON)}"
            raise ValueError(f"a node has exactly one verb: {found}")
        verb, key = verbs[0], _GOES_ON[verbs[0]]
        for other in ("then", "on"):
            if other == key and getattr(self, other) is None:
                raise ValueError(f"{verb} needs {other!r}: {_WANTED[other]}")
            if other != key and getattr(self, other) is not None:
                raise ValueError(f"{verb} takes no {other!r}; {f'write {key!r}: {_WANTED[key]}' if key else _LAST}")
        return self

    @model_validator(mode="after")
    def _possible_results(self) -> Self:
        for result in self.on or {}:
            if self.transfer is not None and result not in _RESULTS:
                raise ValueError(f"a transfer does not end as {result!r}; {suggestion(result, _RESULTS)}")
            if self.gather is not None and (fault := _impossible(result, self.gather.digits)):
                raise ValueError(fault)
        return self

    def node(self) -> Node:
        """The node that is meant."""
        on = dict(self.on or {})
        then = self.then or ""
        if self.say is not None:
            return Say(self.say, then)
        if (gather := self.gather) is not None:
            return Gather(on, gather.digits, gather.timeout, gather.repeat, gather.barge_in)
        if self.transfer is not None:
            return self.transfer.node(on)
        if self.callback is not None:
            return Callback(self.callback.after, then)
        if self.dnc is not None:
            return Dnc(then, DoNotCallList(self.dnc.to), self.dnc.lasts)
        return Hangup(self.hangup.outcome if self.hangup else None)


_WANTED: Final = {"then": "the node that follows", "on": "a node for each result"}
_LAST: Final = "nothing follows it"


def _impossible(entry: str, digits: int) -> str | None:
    """Why no customer can ever make this entry, if that is so."""
    if entry in _NO_ENTRY:
        return None
    if not _KEYS.issuperset(entry):
        return f"{entry!r} cannot be pressed; write keys of 0-9 * #, 'none' for silence or 'any' for any other entry"
    if len(entry) > digits:
        return f"{entry!r} has more keys than digits: {digits} waits for"
    if digits > 1 and ENDS in entry:
        return f"{entry!r} cannot be pressed: {ENDS} ends an entry of several digits"
    return None


class FlowDocument(Document):
    """`flows`: a name, and a graph of nodes entered at `start`, the first one unless said."""

    name: Name
    start: Text | None = None
    nodes: Annotated[dict[Text, NodeDocument], Field(min_length=1)]

    def flow(self) -> Flow:
        nodes = {name: document.node() for name, document in self.nodes.items()}
        return Flow(self.name, self.start or next(iter(nodes)), nodes)
