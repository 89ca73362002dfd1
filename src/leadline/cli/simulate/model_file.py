"""`--model FILE`: what is assumed of customers and agents, where it is not the default."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from leadline.configuration.base import Document
from leadline.configuration.faults import shaped
from leadline.configuration.located import parse
from leadline.configuration.problems import Problem, UnusableConfiguration
from leadline.configuration.values import Duration
from leadline.domain.attempt import Outcome
from leadline.domain.do_not_call import DoNotCallList
from leadline.domain.vendor import CallType
from leadline.simulation.model import HANG_UP, NO_KEY, Model, Shape, Times

PUSHABLE: Final = (CallType.HOT_LEAD, CallType.GENERAL_CALLBACK, CallType.FRESH)
"""Call types that wait for nobody in particular."""
_ENTRY: Final = re.compile(rf"[0-9*#]{{1,20}}|{NO_KEY}|{HANG_UP}", re.ASCII)


def _hour(value: object) -> int:
    if not isinstance(value, str) or not value.isdecimal() or int(value) > 23:  # noqa: PLR2004  (hours of a day)
        raise ValueError(f"{value!r} is no hour of the day; write 0 to 23")
    return int(value)


def _calltype(value: object) -> CallType:
    known = {str(int(calltype)): calltype for calltype in PUSHABLE}
    if value not in known:
        raise ValueError(f"{value!r} cannot be pushed here; write {', '.join(known)}")
    return known[str(value)]


def _weighty(weights: dict[str, float]) -> dict[str, float]:
    if sum(weights.values()) <= 0.0:
        raise ValueError("no weight is more than 0; give at least one that is")
    return weights


def _entries(weights: dict[str, float]) -> dict[str, float]:
    for entry in weights:
        if not _ENTRY.fullmatch(entry):
            raise ValueError(f"{entry!r} is nothing that a customer presses; write keys, {NO_KEY} or {HANG_UP}")
    return weights


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0)]
Hour = Annotated[int, BeforeValidator(_hour)]
Pushed = Annotated[CallType, BeforeValidator(_calltype)]
Rate = Annotated[float, Field(ge=0.0, le=1_000_000.0)]
Unanswered = Literal["no_answer", "busy", "rejected", "failed", "congestion"]
Keys = Annotated[dict[str, Weight], Field(min_length=1), AfterValidator(_entries), AfterValidator(_weighty)]
DEFAULT: Final = Model()


class TimesDocument(Document):
    """Lengths of time; what it leaves out is as it is by default."""

    mean: Duration | None = None
    shape: Literal["fixed", "exponential", "lognormal"] | None = None
    spread: Annotated[float, Field(gt=0.0, le=10.0)] | None = None

    def times(self, default: Times) -> Times:
        return Times(
            default.mean if self.mean is None else self.mean.total_seconds(),
            default.shape if self.shape is None else Shape(self.shape),
            default.spread if self.spread is None else self.spread,
        )


class ModelDocument(Document):
    """The file."""

    answered: Annotated[dict[Hour, Share], Field(min_length=1)] | None = None
    unanswered: Annotated[dict[Unanswered, Weight], Field(min_length=1), AfterValidator(_weighty)] | None = None
    invalid: Share | None = None
    awaited: Share | None = None
    listed: dict[Literal["organisation", "process"], Share] | None = None
    pushed: dict[Pushed, Annotated[dict[Hour, Rate], Field(min_length=1)]] | None = None
    ring: TimesDocument | None = None
    refusal: TimesDocument | None = None
    spoken: Annotated[float, Field(ge=1.0, le=1_000.0)] | None = None
    message: TimesDocument | None = None
    keys: Keys | None = None
    gathers: dict[str, dict[str, Keys]] | None = None
    thinks: TimesDocument | None = None
    preview: TimesDocument | None = None
    talk: TimesDocument | None = None
    wrap_up: TimesDocument | None = None
    breaks: TimesDocument | None = None
    pause: TimesDocument | None = None

    def model(self) -> Model:
        said = {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}
        return replace(DEFAULT, **{name: _meant(name, value) for name, value in said.items()})


BREAKS: Final = Times(2 * 60 * 60.0)
"""Between two breaks, where they are asked for."""


def _meant(name: str, value: Any) -> Any:
    if isinstance(value, TimesDocument):
        return value.times(getattr(DEFAULT, name) or BREAKS)
    if name == "unanswered":
        return {Outcome(outcome): weight for outcome, weight in value.items()}
    if name == "listed":
        return {DoNotCallList(on): share for on, share in value.items()}
    return dict(sorted(value.items())) if isinstance(value, Mapping) else value


def read_model(file: Path) -> Model:
    """The model of a YAML file; raises UnusableConfiguration with every fault and its place."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableConfiguration(file, [Problem(1, 1, "", "this is not UTF-8; save the file as UTF-8")]) from None
    except OSError as error:
        said = f"the file cannot be read ({error.strerror}); give another --model"
        raise UnusableConfiguration(file, [Problem(1, 1, "", said)]) from None
    root, problems = parse(text)
    document, _, faults = shaped(ModelDocument, root, {})
    if document is None or problems or faults:
        raise UnusableConfiguration(file, [*problems, *faults])
    return document.model()
