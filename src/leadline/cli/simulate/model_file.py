"""`--model FILE`: what is assumed of customers and agents, where it is not the default."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import Field, ValidationError

from leadline.configuration.base import Document
from leadline.configuration.values import Duration
from leadline.domain.attempt import Outcome
from leadline.domain.errors import ConfigurationError
from leadline.simulation.model import Model, Shape, Times

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0)]
Hour = Annotated[int, Field(ge=0, le=23)]
Unanswered = Literal["no_answer", "busy", "rejected", "failed", "congestion"]
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
    unanswered: Annotated[dict[Unanswered, Weight], Field(min_length=1)] | None = None
    invalid: Share | None = None
    greeting: Duration | None = None
    ring: TimesDocument | None = None
    refusal: TimesDocument | None = None
    message: TimesDocument | None = None
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
    return dict(sorted(value.items())) if isinstance(value, Mapping) else value


def read_model(file: Path) -> Model:
    """The model of a YAML file; raises ConfigurationError with every fault."""
    try:
        said = yaml.safe_load(file.read_text("utf-8-sig"))
        return ModelDocument.model_validate(said or {}).model()
    except ValidationError as error:
        faults = [f"{file}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ConfigurationError("\n".join(faults)) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file} cannot be read as a model: {error}") from None
