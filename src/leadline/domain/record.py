"""One record of a push: what it carries, read and checked; nothing here knows what is stored already.

Names of nodes are matched without regard to case and surrounding blanks. What has no meaning of its own is
kept verbatim in the lead's fields.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from leadline.domain.moment import parse_moment
from leadline.domain.phone import number_key, parse_number
from leadline.domain.policy import FieldRule, ProcessPolicy
from leadline.domain.vendor import CallType, Code, UpdateParameter

ALIASES: Final = {"call_type": "calltype"}
TEXTS: Final = frozenset({"leadnumber", "customercode", "name", "fname", "lname", "mobilenumber", "emailid"})
"""Nodes with a column of their own that hold plain text."""
MOMENTS: Final = {"calldatetime": "call_at", "expirydatetime": "expires_at"}
LONGEST_KEY: Final = 255
LONGEST_TEXT: Final = 4_000


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """Why a record cannot be taken: a stable code, the node, and a sentence with the remedy."""

    code: str
    field: str | None
    message: str
    retryable: bool = False

    @property
    def number(self) -> Code:
        """The vendor's number for it: 15 and 16 have one of their own, everything else is 5."""
        return Code(int(self.code)) if self.code.isdigit() else Code.FAIL


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the request says for records that do not say it themselves; already read."""

    call_at: datetime | None = None
    expires_at: datetime | None = None
    calltype: Any = None
    userlogin: Any = None


@dataclass(frozen=True, slots=True)
class Desk:
    """All that is needed to read a record: whose it is, by whose rules, at what time."""

    policy: ProcessPolicy
    zone: tzinfo
    update_parameter: UpdateParameter
    logins: Container[str]
    defaults: Defaults
    now: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """A record that can be taken. `carried` holds a value for each column that it speaks of, None to clear it."""

    key: str
    carried: Mapping[str, Any]
    fields: Mapping[str, Any]
    calltype: CallType | None
    call_at: datetime | None


def read_record(raw: object, desk: Desk) -> Record:
    """The record as understood; raises Refusal."""
    if not isinstance(raw, dict):
        raise Refusal("not_an_object", None, 'each element of data must be an object of nodes, {"name": "…"}')
    nodes, fields = _sort_nodes(raw)
    carried: dict[str, Any] = {name: _text(name, nodes[name]) for name in TEXTS & nodes.keys()}
    region = desk.policy.region
    if "mobilenumber" in carried:
        written = carried["mobilenumber"] or ""
        number = parse_number(written, region)
        carried["number"] = number.e164 if number else None
        carried["number_key"] = number_key(written, region) or None
    crm_field = desk.policy.crm_unique_field.strip().lower()
    if (own := _find(nodes, fields, crm_field)) is not _ABSENT:
        carried["crm_key"] = _text(crm_field, own)
    key = _key(carried, desk, crm_field)
    call_at = _moment(nodes, "calldatetime", desk) or desk.defaults.call_at
    expires_at = _moment(nodes, "expirydatetime", desk) or desk.defaults.expires_at
    if expires_at is not None:
        carried["expires_at"] = expires_at
        if expires_at < (call_at or desk.now):
            raise Refusal(
                "15", "expirydatetime", "the lead would expire before its call time: give a later expirydatetime"
            )
    _check_creation(nodes, fields, desk)
    calltype = _calltype(nodes.get("calltype"), desk.defaults.calltype)
    userlogin = _userlogin(nodes.get("userlogin"), desk)
    if userlogin is not None:
        carried["userlogin"] = userlogin
    if "language" in nodes:
        carried["language"] = _text("language", nodes["language"])
    if "timezone" in nodes:
        carried["timezone"] = _timezone(nodes["timezone"])
    for rule in desk.policy.fields:
        _check_field(rule, _find(nodes, fields, rule.name.lower()), desk)
    return Record(key=key, carried=carried, fields=fields, calltype=calltype, call_at=call_at)


_ABSENT: Final = object()
_CALLTYPE: Final = re.compile(r"[0-9]{1,6}")
KNOWN: Final = TEXTS | set(MOMENTS) | {"calltype", "userlogin", "language", "timezone"}


def _sort_nodes(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    nodes: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for spelled, value in raw.items():
        name = spelled.strip().lower()
        name = ALIASES.get(name, name)
        if name in KNOWN:
            nodes[name] = value
        else:
            fields[spelled] = value
    return nodes, fields


def _find(nodes: Mapping[str, Any], fields: Mapping[str, Any], name: str) -> Any:
    if name in nodes:
        return nodes[name]
    for spelled, value in fields.items():
        if spelled.strip().lower() == name:
            return value
    return _ABSENT


def _text(name: str, value: object) -> str | None:
    """A node's text, trimmed; None if it is blank or null. Numbers are their own text: `1` is `"1"`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Refusal("invalid_field", name, f"{name} must be text or a number")
    text = str(value).strip()
    if "\0" in text:
        raise Refusal("invalid_field", name, f"{name} holds a NUL character, which no text may hold")
    if len(text) > LONGEST_TEXT:
        raise Refusal("invalid_field", name, f"{name} has {len(text)} characters; {LONGEST_TEXT} is the most")
    return text or None


def _key(carried: Mapping[str, Any], desk: Desk, crm_field: str) -> str:
    column, node = {
        UpdateParameter.MOBILENUMBER: ("number_key", "mobilenumber"),
        UpdateParameter.CUSTOMERCODE: ("customercode", "customercode"),
        UpdateParameter.CRMUNIQUEFIELD: ("crm_key", crm_field),
    }[desk.update_parameter]
    for name in ("customercode", "leadnumber", "crm_key"):
        if (value := carried.get(name)) and len(value) > LONGEST_KEY:
            raise Refusal("invalid_field", name, f"{name} is a key and may have {LONGEST_KEY} characters at most")
    key = carried.get(column)
    if not key:
        raise Refusal("missing_key", node, f"the record has no {node}, which updateparam names as its key")
    return str(key)


def _moment(nodes: Mapping[str, Any], name: str, desk: Desk) -> datetime | None:
    value = nodes.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    moment = parse_moment(value, desk.zone) if isinstance(value, str) else None
    if moment is None:
        raise Refusal("16", name, f"{name} cannot be read: write YYYY-MM-DD hh:mm:ss, or ISO 8601 with an offset")
    return moment


def _check_creation(nodes: Mapping[str, Any], fields: Mapping[str, Any], desk: Desk) -> None:
    """`dateofleadcreation` and `timeofleadcreation` are kept as they came, but must be a date and a time."""
    for name, reader, shape in (
        ("dateofleadcreation", date.fromisoformat, "YYYY-MM-DD"),
        ("timeofleadcreation", time.fromisoformat, "hh:mm:ss"),
    ):
        value = _find(nodes, fields, name)
        if value is _ABSENT or value is None or (isinstance(value, str) and not value.strip()):
            continue
        if isinstance(value, str) and parse_moment(value, desk.zone) is not None:
            continue
        try:
            reader(value.strip())
        except (ValueError, AttributeError):
            raise Refusal("16", name, f"{name} cannot be read: write {shape}") from None


def _calltype(own: object, default: object) -> CallType | None:
    for value in (own, default):
        text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else value
        if text is None or text == "":
            continue
        if isinstance(text, str) and _CALLTYPE.fullmatch(text) and int(text) in CallType:
            return CallType(int(text))
        raise Refusal(
            "unknown_call_type", "calltype", "calltype must be one of " + ", ".join(str(int(c)) for c in CallType)
        )
    return None


def _userlogin(own: object, desk: Desk) -> str | None:
    login = _text("userlogin", own) or _text("userlogin", desk.defaults.userlogin)
    if login is not None and login.lower() not in desk.logins:
        raise Refusal(
            "unknown_user", "userlogin", "userlogin names no login of this organisation: add the user, or leave it out"
        )
    return login.lower() if login else None


def _timezone(value: object) -> str | None:
    name = _text("timezone", value)
    if name is None:
        return None
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise Refusal("invalid_field", "timezone", "timezone must be an IANA name such as Asia/Kolkata") from None


def _check_field(rule: FieldRule, value: object, desk: Desk) -> None:
    """What a process declares of its own nodes is checked."""
    blank = value is _ABSENT or value is None or (isinstance(value, str) and not value.strip())
    label = rule.label or rule.name
    if blank:
        if rule.required:
            raise Refusal("invalid_field", rule.name, f"{label} is required in this process")
        return
    text = _text(rule.name, value) or ""
    if rule.max_length is not None and len(text) > rule.max_length:
        raise Refusal("invalid_field", rule.name, f"{label} has {len(text)} characters; {rule.max_length} is the most")
    if not _FITS[rule.type](text, desk):
        raise Refusal("invalid_field", rule.name, f"{label} must be {_SHAPES[rule.type]}")


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _is_date(text: str, desk: Desk) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return parse_moment(text, desk.zone) is not None
    return True


def _is_email(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(at and name and "." in host.strip(".") and not any(c.isspace() for c in text))


_FITS: Final = {
    "text": lambda text, desk: True,
    "number": lambda text, desk: _is_number(text),
    "date": _is_date,
    "email": lambda text, desk: _is_email(text),
    "phone": lambda text, desk: parse_number(text, desk.policy.region) is not None,
}
_SHAPES: Final = {
    "text": "text",
    "number": "a number",
    "date": "a date, YYYY-MM-DD or YYYY-MM-DD hh:mm:ss",
    "email": "an e-mail address",
    "phone": "a valid telephone number",
}
