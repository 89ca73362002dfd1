"""Names within the file: each is given once, and what is named is there."""

from collections.abc import Collection, Iterator
from typing import Final

from leadline.configuration.located import Located
from leadline.configuration.problems import Problem, suggestion

_TAKEN_ONCE: Final = {
    "organisations.*.name": "organisation",
    "organisations.*.processes.*.servicekey": "servicekey",
    "trunks.*.name": "trunk",
    "flows.*.name": "flow",
}
_LISTED_ONCE: Final = (
    "trunks.*.codecs",
    "trunks.*.number_types",
    "organisations.*.processes.*.trunks",
    "organisations.*.processes.*.users",
    "organisations.*.processes.*.calling_hours.days",
)


def faults(root: Located) -> Iterator[Problem]:
    """Every name that is given twice or that names nothing; a value that is no text is another check's."""
    for pattern, kind in _TAKEN_ONCE.items():
        yield from _twice(_places(root, pattern), kind)
    for pattern in _LISTED_ONCE:
        for row in root.match(pattern.split(".")):
            yield from _twice(_places(row, "*"), "entry")
    servicekeys = _names(root, "organisations.*.processes.*.servicekey")
    yield from _dangling(_places(root, "flows.*.nodes.*.transfer.queue"), servicekeys, "process")
    trunks, flows = _names(root, "trunks.*.name"), _names(root, "flows.*.name")
    for organisation in root.match(("organisations", "*")):
        yield from _twice(_places(organisation, "users.*.login"), "login")
        logins = _names(organisation, "users.*.login")
        yield from _dangling(_places(organisation, "processes.*.flow"), flows, "flow")
        yield from _dangling(_places(organisation, "processes.*.trunks.*"), trunks, "trunk")
        yield from _dangling(_places(organisation, "processes.*.users.*"), logins, "user of this organisation")
        for process in organisation.match(("processes", "*")):
            yield from _twice(_places(process, "fields.*.name"), "field")


def _places(root: Located, pattern: str) -> list[tuple[str, Located]]:
    """The texts of a pattern as they are compared, each with its place; logins and fields know no case."""
    folds = pattern.rpartition(".")[0] in ("fields.*", "users.*") or pattern.endswith(("login", "users.*"))
    return [
        (place.value.strip().lower() if folds else place.value.strip(), place)
        for place in root.match(pattern.split("."))
        if isinstance(place.value, str)
    ]


def _names(root: Located, pattern: str) -> frozenset[str]:
    return frozenset(name for name, _ in _places(root, pattern))


def _twice(places: list[tuple[str, Located]], kind: str) -> Iterator[Problem]:
    first: dict[str, Located] = {}
    for name, place in places:
        if name in first:
            yield place.problem(f"{kind} {name!r} stands in line {first[name].line} already; give it once")
        first.setdefault(name, place)


def _dangling(places: list[tuple[str, Located]], known: Collection[str], kind: str) -> Iterator[Problem]:
    for name, place in places:
        if name not in known:
            yield place.problem(f"there is no {kind} {name!r}; {suggestion(name, known)}")
