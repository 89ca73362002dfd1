"""What a process declares of the nodes of its records, checked: type, length, and that they are there."""

from collections.abc import Callable
from datetime import date, tzinfo
from typing import Any, Final

from leadline.domain.moment import parse_moment
from leadline.domain.phone import parse_number
from leadline.domain.policy import FieldRule
from leadline.domain.value import Refusal, is_blank, text_of


def check_field(rule: FieldRule, value: Any, region: str, zone: tzinfo) -> None:
    """Raise Refusal if a node that a record carries breaks what is declared of it."""
    label = rule.label or rule.name
    if is_blank(value):
        if rule.required:
            raise Refusal("invalid_field", rule.name, f"{label} is required in this process: it may not be blank")
        return
    text = text_of(rule.name, value) or ""
    if rule.max_length is not None and len(text) > rule.max_length:
        raise Refusal("invalid_field", rule.name, f"{label} has {len(text)} characters; {rule.max_length} is the most")
    fits, shape = _TYPES[rule.type]
    if not fits(text, region, zone):
        raise Refusal("invalid_field", rule.name, f"{label} must be {shape}")


def lacking(rule: FieldRule) -> Refusal:
    """Why a record that does not carry a required node cannot make a new lead."""
    label = rule.label or rule.name
    return Refusal("invalid_field", rule.name, f"{label} is required in this process: a new lead must carry it")


def _is_text(_text: str, _region: str, _zone: tzinfo) -> bool:
    return True


def _is_number(text: str, _region: str, _zone: tzinfo) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _is_date(text: str, _region: str, zone: tzinfo) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return parse_moment(text, zone) is not None
    return True


def _is_email(text: str, _region: str, _zone: tzinfo) -> bool:
    name, at, host = text.rpartition("@")
    return bool(at and name and "." in host.strip(".") and not any(c.isspace() for c in text))


def _is_phone(text: str, region: str, _zone: tzinfo) -> bool:
    return parse_number(text, region) is not None


_TYPES: Final[dict[str, tuple[Callable[[str, str, tzinfo], bool], str]]] = {
    "text": (_is_text, "text"),
    "number": (_is_number, "a number"),
    "date": (_is_date, "a date, YYYY-MM-DD or YYYY-MM-DD hh:mm:ss"),
    "email": (_is_email, "an e-mail address"),
    "phone": (_is_phone, "a valid telephone number"),
}
