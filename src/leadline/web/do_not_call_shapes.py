"""What `/v1/do-not-call` takes and answers, as types: bodies are read through them, and openapi.json tells them.

That the answers have these shapes, the tests hold.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from leadline.domain.do_not_call import DoNotCallList, Origin
from leadline.web.shapes import Moment

MOST_NUMBERS = 1_000
Written = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00]*$", examples=["09820012345"])]
Reason = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00]*$")]


class DoNotCall(Struct, forbid_unknown_fields=True, kw_only=True):
    """Numbers that are not to be called."""

    numbers: Annotated[list[Written], Meta(min_length=1, max_length=MOST_NUMBERS, description="However written.")]
    servicekey: Annotated[str | None, Meta(description="By this process; left out, by none of the organisation.")] = (
        None
    )
    expires: Annotated[Moment | None, Meta(description="Until then; left out, for ever.")] = None
    reason: Annotated[Reason | None, Meta(description="For whoever reads the list.")] = None


class DoNotCallRefusal(Struct, forbid_unknown_fields=True):
    """A number that was not put on the list."""

    index: int
    code: str
    field: str
    message: str


class DoNotCallAnswer(Struct, forbid_unknown_fields=True):
    """How many numbers are on the list now, and which are not."""

    listed: int
    rejected: list[DoNotCallRefusal]


class DoNotCallRemoved(Struct, forbid_unknown_fields=True):
    """The number that is on the list no more."""

    number: str


class DoNotCallEntry(Struct, forbid_unknown_fields=True):
    """A number on a list."""

    id: int
    number: str
    list: DoNotCallList
    servicekey: Annotated[str | None, Meta(description="Of the process whose list it is.")]
    origin: Annotated[Origin, Meta(description="What the file lists is taken off in the file.")]
    listed_at: datetime
    expires_at: Annotated[datetime | None, Meta(description="From then on it has no effect.")]
    reason: str | None


class DoNotCallPage(Struct, forbid_unknown_fields=True):
    """Entries of all lists, newest first."""

    items: list[DoNotCallEntry]
    next: Annotated[str | None, Meta(description="The `cursor` of the next page.")]
