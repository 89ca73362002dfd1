"""Keys of the interface whose effect is still to be built: refused unless they say what holds without them."""

from collections.abc import Iterator
from typing import Any, Final

from leadline.configuration.located import Located
from leadline.configuration.problems import Problem

_PROCESS: Final = "organisations.*.processes.*"

WITHOUT_EFFECT: Final[dict[str, tuple[Any, ...]]] = {
    "sip.external_address": (None,),
    "organisations.*.users.*.password": (None,),
    f"{_PROCESS}.dids": ([], None),
    f"{_PROCESS}.webhooks": ([], None),
    f"{_PROCESS}.speech.engine": ("espeak",),
    f"{_PROCESS}.speech.on_event": ("DataImport",),
    f"{_PROCESS}.speech.url": (None,),
    f"{_PROCESS}.speech.secret": (None,),
    f"{_PROCESS}.speech.timeout": (None,),
    "trunks.*.engine": ("embedded",),
    "trunks.*.inbound_from": ([], None),
    "switches": ([], None),
}
"""By the place of the key, the values that are taken; the first is what holds where the key is left out."""


def refused(root: Located) -> Iterator[Problem]:
    """A problem for every key that says something Leadline would not do."""
    for pattern, taken in WITHOUT_EFFECT.items():
        for place in root.match(pattern.split(".")):
            said = place.plain()
            if not any(type(said) is type(value) and said == value for value in taken):
                yield place.key_problem(_sentence(pattern.rpartition(".")[2], said, taken[0]))


def _sentence(key: str, said: Any, default: Any) -> str:
    if isinstance(default, str) and isinstance(said, str):
        return f"{said!r} has no effect yet; leave {key} out, it is {default!r}"
    return f"{key} has no effect yet; leave it out"
