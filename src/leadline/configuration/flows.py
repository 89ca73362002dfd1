"""Message flows as they are written: nodes with one verb each, and where they lead."""

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from leadline.configuration.base import Document
from leadline.configuration.problems import suggestion
from leadline.configuration.templates import template
from leadline.configuration.values import Duration, Language, Text, between
from leadline.domain.flow import ENDS, Callback, Flow, Gather, Hangup, Node, Say, Transfer

_GOES_ON: Final = {"say": "then", "gather": "on", "transfer": "on", "callback": "then", "hangup": None}
"""Every verb, and the key by which it names what follows."""
_RESULTS: Final = ("no_agent", "ended")
_NO_ENTRY: Final = ("none", "any")
_KEYS: Final = frozenset("0123456789*#")
_GATHER: Final = Gather(on={})
_TRANSFER: Final = Transfer("", on={})


class GatherDocument(Document):
    """`gather`: how many keys are waited for, and how."""

    digits: Annotated[int, Field(ge=1, le=32)] = _GATHER.digits
    timeout: Annotated[Duration, between("500ms", "60s")] = _GATHER.timeout
    repeat: Annotated[int, Field(ge=1, le=10)] = _GATHER.repeat
    barge_in: bool = _GATHER.barge_in


class TransferDocument(Document):
    """`transfer`: to whom; a queue is a process, by its servicekey."""

    queue: Text
    timeout: Annotated[Duration, between("1s", "10m")] = _TRANSFER.timeout


class CallbackDocument(Document):
    """`callback`: how long from now."""

    after: Annotated[Duration, between("1s", "365d")]


class HangupDocument(Document):
    """`hangup`: the author's word for how it went."""

    outcome: Annotated[Text, Field(max_length=64)] | None = None


def _any_language(value: object) -> object:
    return {"": value} if isinstance(value, str) else value


def _nothing(value: object) -> object:
    return {} if value is None else value


def _language(value: object) -> object:
    return value if value == "" else LANGUAGE.validate_python(value)


Texts = Annotated[
    dict[Annotated[str, BeforeValidator(_language)], Annotated[str, BeforeValidator(template)]],
    Field(min_length=1),
    BeforeValidator(_any_language),
]


class NodeDocument(Document):
    """A node: exactly one verb, and `then` or `on` as the verb asks."""

    say: Texts | None = None
    gather: Annotated[GatherDocument, BeforeValidator(_nothing)] | None = None
    transfer: TransferDocument | None = None
    callback: CallbackDocument | None = None
    hangup: Annotated[HangupDocument, BeforeValidator(_nothing)] | None = None
    then: Text | None = None
    on: dict[str, Text] | None = None
