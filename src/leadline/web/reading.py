"""Bodies are read into their types; what does not fit is refused by its field, with what would fit."""

import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from leadline.web.problems import Refused

_Shape = TypeVar("_Shape", bound=msgspec.Struct)
_OF_THE_OBJECT: Final = re.compile(r"Object (contains unknown|missing required) field `(.+)`")


def read(body: bytes, shape: type[_Shape]) -> _Shape:
    """A body; raises Refused with 400 or 422."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$.")
        field, message = _mended(said, path.rstrip("`").partition("[")[0] or None, shape)
        raise Refused(422, "invalid_field", message, field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, "malformed_json", f"the body is no JSON: {error}") from None


def _mended(said: str, field: str | None, shape: type[msgspec.Struct]) -> tuple[str | None, str]:
    """The field that msgspec's sentence is about, and a sentence that says what to write."""
    if field is not None:
        values = " or ".join(map(str, _values(field, shape)))
        return field, f"{field} cannot be read: write {values}" if values else f"{field}: {said}"
    there = ", ".join(shape.__struct_fields__)
    if about := _OF_THE_OBJECT.fullmatch(said):
        why = "is no field of this request" if about[1] == "contains unknown" else "is missing"
        return about[2], f"{about[2][:64]} {why}: there are {there}"
    return None, f"{said}: send an object, of {there}"


def _values(field: str, shape: type[msgspec.Struct]) -> Sequence[Any]:
    """All values that a field may have, or examples of them; none if its type says neither."""
    types = msgspec.json.schema(shape)["$defs"]
    there = types[shape.__name__]["properties"][field]
    kinds = [types[kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind for kind in there.get("anyOf", [there])]
    return [value for kind in kinds for value in kind.get("enum") or kind.get("examples") or ()]
