"""What every mapping of the configuration file has in common."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A mapping of the file: no key but the declared ones, no value turned into another type unasked."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
