"""The document of a request: bytes to nodes, by JSON's grammar, or repaired where an organisation allows that."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any, Final, NamedTuple

import msgspec

from leadline.domain.vendor import Code
from leadline.intake.lenient_json import Unrepairable, repair
from leadline.intake.request import Problem, PushRefused, authenticate, normalised
from leadline.store.catalogue import Catalogue

LONG: Final = 65_536
"""Characters of a document from which on it is repaired beside the event loop."""
_KEY: Final = re.compile(
    r"""["“”″]\s*apikey\s*["“”″]\s*:\s*(?:["“”″](?P<text>[^"“”″]{1,1000})["“”″]|(?P<number>[0-9]{1,100}))""",
    re.IGNORECASE,
)


class Document(NamedTuple):
    """The nodes of a document by their name in lower case, and what was repaired to read them."""

    nodes: dict[str, Any]
    warnings: Sequence[str] = ()


def read_document(body: bytes) -> dict[str, Any]:
    """The nodes of a JSON document; raises PushRefused with line and column."""
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _nodes(_text(body))  # for what begins with a byte order mark, and to say what is wrong and where
    return _nodes_of(document)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8", "replace")
        raise _malformed("the body is not UTF-8", before, len(before)) from None


async def read_allowed(body: bytes, catalogue: Catalogue) -> Document:
    """The document, repaired if it must be and its organisation allows that; raises PushRefused with the strict error.

    The organisation is looked up in what was repaired: nobody else's document is ever read by guessing.
    """
    try:
        return Document(read_document(body))
    except PushRefused as strict:
        refused = strict
    try:
        text = body.decode("utf-8-sig")
        if not _may_be_allowed(text, catalogue):
            raise refused
        repaired = repair(text) if len(text) < LONG else await asyncio.to_thread(repair, text)
        nodes = _nodes(repaired.text)
        allowed = authenticate(nodes, catalogue).lenient_json
    except Unrepairable as fault:
        problem = refused.problem
        raise PushRefused(
            refused.code, replace(problem, message=f"{problem.message}; beyond repair: {fault}")
        ) from None
    except (UnicodeDecodeError, PushRefused):
        raise refused from None
    if not allowed:
        raise refused
    return Document(nodes, repaired.warnings)


def _may_be_allowed(text: str, catalogue: Catalogue) -> bool:
    """Whether an API key of an organisation that allows repairs stands anywhere in it.

    Decides nothing, but spares the work for whoever does not hold such a key.
    """
    if not any(organisation.lenient_json for organisation in catalogue.organisations.values()):
        return False
    for found in _KEY.finditer(text):
        try:
            key = json.loads(f'"{found["text"] or found["number"]}"')
        except json.JSONDecodeError:
            continue
        organisation = catalogue.organisation_of(key.strip())
        if organisation is not None and organisation.lenient_json:
            return True
    return False


def _nodes(text: str) -> dict[str, Any]:
    try:
        document = _decoded(text)
    except RecursionError:
        raise _malformed("the document is nested too deeply", text, 0) from None
    except json.JSONDecodeError as error:
        raise _malformed(*_fault(error, text)) from None
    return _nodes_of(document)


def _nodes_of(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _malformed("the document must be an object of nodes", "", 0)
    return normalised(document)


def _decoded(text: str) -> Any:
    """The document by msgspec, for speed; what it refuses is read again by the standard library.

    That says exactly where a fault is, and takes what JSON's grammar allows though no record may hold it: halves
    of surrogate pairs, numbers without end.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text, parse_int=_integer, parse_constant=lambda name: _no_constant(text, name))


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return inf


def _no_constant(text: str, name: str) -> None:
    raise json.JSONDecodeError(f"{name} is not JSON", text, text.find(name))


def _fault(error: json.JSONDecodeError, text: str) -> tuple[str, str, int]:
    """What is wrong and where, alike on every Python: from 3.13 on, a trailing comma is told at the comma."""
    at = error.pos
    if text[at : at + 1] == ",":
        at += len(text[at:]) - len(text[at + 1 :].lstrip())
    if text[at : at + 1] in ("}", "]") and text[:at].rstrip().endswith(","):
        return "a comma stands before this end: leave it out", text, at
    return error.msg, text, error.pos


def _malformed(message: str, text: str, at: int) -> PushRefused:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    problem = Problem("malformed_json", None, f"line {line}, column {column}: {message}", line, column)
    return PushRefused(Code.FAIL, problem)
