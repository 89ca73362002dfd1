"""One record of a push: what it carries, read and checked; nothing here knows what is stored already.

Names of nodes are matched without regard to case and surrounding blanks. What has no meaning of its own is
kept verbatim in the lead's fields.
"""

import re
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from leadline.domain.declared import check_field, lacking
from leadline.domain.moment import parse_moment
from leadline.domain.phone import digits_of, parse_number
from leadline.domain.policy import FieldRule, ProcessPolicy
from leadline.domain.value import Refusal, is_blank, plain_text, text_of, unkeepable
from leadline.domain.vendor import CallType, UpdateParameter

ALIASES: Final = {"call_type": "calltype"}
TEXTS: Final = frozenset({"leadnumber", "customercode", "name", "fname", "lname", "mobilenumber", "emailid"})
"""Nodes with a column of their own that hold plain text."""
KNOWN: Final = TEXTS | {"calldatetime", "expirydatetime", "calltype", "userlogin", "language", "timezone"}
_MACHINES_OWN: Final = {"localtime", "posixrules", "posix", "right"}
"""Files that stand beside the zones: clocks that another machine keeps otherwise, or not at all."""
LONGEST_KEY: Final = 255
EXPIRES_TOO_EARLY: Final = "the lead would expire before its call time: give a later expirydatetime"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the request says for records that do not say it themselves."""

    call_at: datetime | None = None
    expires_at: datetime | None = None
    calltype: Any = None
    userlogin: Any = None


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Desk:
    """All that is needed to read the records of a push: whose they are, and by whose rules."""

    policy: ProcessPolicy
    zone: tzinfo
    update_parameter: UpdateParameter
    logins: Container[str]
    defaults: Defaults
    crm_node: str = field(init=False)
    """The node that is the CRM's own key, in lower case."""
    declared: list[tuple[str, FieldRule]] = field(init=False)
    """What the process declares of its nodes, by their names in lower case."""

    def __post_init__(self) -> None:
        self.crm_node = self.policy.crm_unique_field.strip().lower()
        self.declared = [(rule.name.strip().lower(), rule) for rule in self.policy.fields]


class Record(Struct, frozen=True):
    """A record that can be taken. `carried` holds a value for each column that it speaks of, None to clear it."""

    key: str
    carried: Mapping[str, Any]
    fields: Mapping[str, Any]
    calltype: CallType | None
    call_at: datetime | None
    lacking: Refusal | None = None
    """Why it cannot make a new lead, though it may update one."""


def read_record(raw: object, desk: Desk) -> Record:
    """The record as understood; raises Refusal."""
    if not isinstance(raw, dict):
        raise Refusal("not_an_object", None, 'each element of data must be an object of nodes, {"name": "…"}')
    nodes, fields, named = _sort_nodes(raw)
    carried: dict[str, Any] = {name: text_of(name, value) for name, value in nodes.items() if name in TEXTS}
    if "mobilenumber" in carried:
        _read_number(carried, desk.policy.region)
    if desk.crm_node == "mobilenumber":
        carried |= {"crm_key": carried["number_key"]} if "number_key" in carried else {}
    elif (own := _find(nodes, named, desk.crm_node)) is not _ABSENT:
        carried["crm_key"] = text_of(desk.crm_node, own)
    key = _key(carried, desk)
    call_at = _moment(nodes, "calldatetime", desk) or desk.defaults.call_at
    expires_at = _moment(nodes, "expirydatetime", desk) or desk.defaults.expires_at
    if expires_at is not None:
        carried["expires_at"] = expires_at
        if call_at is not None and expires_at < call_at:
            raise Refusal("15", "expirydatetime", EXPIRES_TOO_EARLY)
    _check_creation(named, desk)
    calltype = _calltype(nodes.get("calltype"), desk.defaults.calltype)
    if (userlogin := _userlogin(nodes.get("userlogin"), desk)) is not None:
        carried["userlogin"] = userlogin
    if "language" in nodes:
        carried["language"] = _language(nodes["language"])
    if "timezone" in nodes:
        carried["timezone"] = _timezone(nodes["timezone"])
    missing = _check_declared(nodes, named, desk)
    return Record(key, carried, fields, calltype, call_at, missing)


_ABSENT: Final = object()
_MEANT: Final = {name: name for name in KNOWN} | ALIASES
_CALLTYPE: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,8})*", re.ASCII | re.IGNORECASE)


def _sort_nodes(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The nodes that have a meaning by their name; all others as they came, once they can be kept; and by their names.

    Of a node that is there twice the later counts, unless it is blank.
    """
    nodes: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for spelled, value in raw.items():
        name = spelled.strip().lower()
        if (known := _MEANT.get(name)) is not None:
            if known not in nodes or not is_blank(value):
                nodes[known] = value
            continue
        if fault := unkeepable(spelled):
            raise Refusal("invalid_field", ascii(spelled)[1:-1], f"the name of a node {fault}")
        if fault := unkeepable(value):
            raise Refusal("invalid_field", spelled, f"{spelled} {fault}")
        fields[spelled] = value
        if name not in named or not is_blank(value):
            named[name] = value
    return nodes, fields, named


def _find(nodes: Mapping[str, Any], named: Mapping[str, Any], name: str) -> Any:
    """A node by its name in lower case."""
    return nodes[name] if name in nodes else named.get(name, _ABSENT)


def _read_number(carried: dict[str, Any], region: str) -> None:
    """The number in E.164 if it is valid, and what identifies its owner: that, or the digits of an invalid one."""
    written = carried["mobilenumber"] or ""
    number = parse_number(written, region)
    carried["number"] = number.e164 if number else None
    carried["number_key"] = (number.e164 if number else digits_of(written)) or None


def _key(carried: Mapping[str, Any], desk: Desk) -> str:
    for column, node in _KEYS.values():
        if (value := carried.get(column)) and len(value) > LONGEST_KEY:
            name = node or desk.crm_node
            raise Refusal("invalid_field", name, f"{name} is a key and may have {LONGEST_KEY} characters at most")
    column, node = _KEYS[desk.update_parameter]
    if key := carried.get(column):
        return str(key)
    name = node or desk.crm_node
    what = "without a single digit identifies nobody" if carried.get(name) else "is not in the record"
    raise Refusal("missing_key", name, f"{name}, which updateparam names as the key, {what}: push it with one")


_KEYS: Final = {
    UpdateParameter.MOBILENUMBER: ("number_key", "mobilenumber"),
    UpdateParameter.CUSTOMERCODE: ("customercode", "customercode"),
    UpdateParameter.CRMUNIQUEFIELD: ("crm_key", None),
}
"""The column of each key, and its node where the process does not say which it is."""


def _moment(nodes: Mapping[str, Any], name: str, desk: Desk) -> datetime | None:
    value = nodes.get(name)
    if is_blank(value):
        return None
    moment = parse_moment(value, desk.zone) if isinstance(value, str) else None
    if moment is None:
        raise Refusal("16", name, f"{name} cannot be read: write YYYY-MM-DD hh:mm:ss, or ISO 8601 with an offset")
    return moment


def _check_creation(named: Mapping[str, Any], desk: Desk) -> None:
    """`dateofleadcreation` and `timeofleadcreation` are kept as they came, but must be a date and a time."""
    for name, (reader, shape) in _CREATION.items():
        if name not in named or is_blank(value := named[name]):
            continue
        if isinstance(value, str) and parse_moment(value, desk.zone) is not None:
            continue
        try:
            reader(value.strip())
        except (ValueError, AttributeError):
            raise Refusal("16", name, f"{name} cannot be read: write {shape}") from None


_CREATION: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "dateofleadcreation": (date.fromisoformat, "YYYY-MM-DD"),
    "timeofleadcreation": (time.fromisoformat, "hh:mm:ss"),
}


def _calltype(own: object, default: object) -> CallType | None:
    value = default if is_blank(own) else own
    if is_blank(value):
        return None
    text = plain_text(value) or ""
    if _CALLTYPE.fullmatch(text) and int(text) in _CALLTYPES:
        return CallType(int(text))
    known = ", ".join(f"{calltype:d}" for calltype in CallType)
    raise Refusal("unknown_call_type", "calltype", f"calltype must be one of {known}")


_CALLTYPES: Final = frozenset(map(int, CallType))


def _userlogin(own: object, desk: Desk) -> str | None:
    login = text_of("userlogin", desk.defaults.userlogin if is_blank(own) else own)
    if login is None:
        return None
    if login.lower() not in desk.logins:
        message = "userlogin names no login of this organisation: add the user, or leave it out"
        raise Refusal("unknown_user", "userlogin", message)
    return login.lower()


def _language(value: object) -> str | None:
    tag = text_of("language", value)
    if tag is None:
        return None
    tag = tag.replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        raise Refusal("invalid_field", "language", "language must be a BCP 47 tag such as hi or en-IN")
    return tag


def _timezone(value: object) -> str | None:
    name = text_of("timezone", value)
    if name is None:
        return None
    if name.partition("/")[0] not in _MACHINES_OWN:
        with suppress(ValueError, OSError, KeyError):
            return ZoneInfo(name).key
    raise Refusal("invalid_field", "timezone", "timezone must be an IANA name such as Asia/Kolkata")


def _check_declared(nodes: Mapping[str, Any], named: Mapping[str, Any], desk: Desk) -> Refusal | None:
    missing = None
    for name, rule in desk.declared:
        value = _find(nodes, named, name)
        if value is not _ABSENT:
            check_field(rule, value, desk.policy.region, desk.zone)
        elif rule.required:
            missing = missing or lacking(rule)
    return missing
