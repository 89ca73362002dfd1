"""Idempotency: the same key and body within 24 hours get the stored answer, byte for byte.

The answer is kept in the transaction of the push that it answers, so that there is never the one without the
other. A second request with the key of one that is still running waits for it, or is told to come back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from leadline.clock import Clock
from leadline.intake.command import Intake, Taken
from leadline.intake.request import Push
from leadline.store import answers
from leadline.store.answers import Answer, Place

Document = dict[str, Any]
"""An answer, as the translation renders it."""


class AlreadyAnswered(Exception):
    """The request has been answered before: `answer` is what it was answered."""

    def __init__(self, answer: Document) -> None:
        super().__init__("answered before")
        self.answer = answer


class KeyReused(Exception):
    """The key was used for another body."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} was used for another request within 24 hours: give each request a key of its own")


class StillRunning(Exception):
    """The first request with this key has not been answered yet."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the first request with the key {key!r} is still running: ask again in a second")


@dataclass(frozen=True, slots=True)
class Door:
    """An endpoint that keeps its answers: the same key at another is another key."""

    name: str
    waits: bool
    """Whether a second request waits for the first; else it is told to come back."""


async def take_once(
    intake: Intake, push: Push, body: bytes, door: Door, render: Callable[[Taken], Document], clock: Clock
) -> Document:
    """The answer to a push: the one it was given before, if its requestid is known, else what `render` makes of it.

    Raises KeyReused, StillRunning, and whatever `Intake.take` does.
    """
    if push.requestid is None:
        return render(await intake.take(push))
    place = Place(push.organisation.id, door.name, push.requestid)
    kept = KeptAnswer(place, door.waits, sha256(body).digest(), render, clock)
    try:
        await intake.take(push, kept)
    except AlreadyAnswered as before:
        return before.answer
    return kept.answer


@dataclass(slots=True)
class KeptAnswer:
    """The seal on one push; once it is kept, `answer` is what was kept."""

    place: Place
    waits: bool
    digest: bytes
    """Of the body."""
    render: Callable[[Taken], Document]
    clock: Clock
    answer: Document = field(default_factory=dict, init=False)

    async def open(self, connection: Any) -> None:
        """Raises AlreadyAnswered, KeyReused, or, where nobody waits, StillRunning."""
        if not await answers.lock(connection, *self.place, wait=self.waits):
            raise StillRunning(self.place.key)
        found = await answers.find(connection, *self.place, self.clock.now())
        if found is None:
            return
        if found.digest != self.digest:
            raise KeyReused(self.place.key)
        raise AlreadyAnswered(msgspec.json.decode(found.answer))

    def keep(self, taken: Taken) -> Answer:
        self.answer = self.render(taken)
        return Answer(self.digest, msgspec.json.encode(self.answer))
