"""`getProcessData`: the leads that a CRM asks for, with what became of them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from leadline.domain.lead import Lead, status_number
from leadline.domain.moment import LATEST, parse_moment, write_moment
from leadline.domain.phone import number_key
from leadline.domain.value import is_blank
from leadline.domain.vendor import Code, UpdateParameter
from leadline.intake.siblings_nodes import Asked
from leadline.store import contacts, pulling
from leadline.store.leads import KEY_COLUMNS
from leadline.store.pulling import Query

DATE_RANGE: Final = "daterange"
MOST: Final = 1_000
"""Leads of one answer."""
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_PLAIN: Final = (
    "media", "calltype", "closed_reason", "opening", "mobilenumber", "number", "name", "fname", "lname", "emailid",
    "customercode", "leadnumber", "language", "timezone", "userlogin", "held_by", "fields",
)  # fmt: skip
_MOMENTS: Final = {
    "calldatetime": "call_at",
    "duedatetime": "due_at",
    "expirydatetime": "expires_at",
    "storedatetime": "created_at",
    "updatedatetime": "updated_at",
}


async def pull(asked: Asked) -> dict[str, Any]:
    """The matching leads of the process, oldest first; `next` is what to send as `after` for more of them."""
    query = _query(asked)
    async with asked.database.connection() as connection:
        pulled = await pulling.pull(connection, asked.organisation.id, query)
        remarks = await contacts.remarks(connection, asked.organisation.id, [lead.id for lead in pulled.leads])
    if not pulled.leads:
        raise asked.refused("searchparam", "no lead of the process matches", "14", Code.DATA_NOT_FOUND)
    shown = [_shown(lead, pulled.attempts.get(lead.id, ()), remarks, asked.zone) for lead in pulled.leads]
    return {"data": shown, "next": pulled.next}


def _query(asked: Asked) -> Query:
    known = (DATE_RANGE, *UpdateParameter)
    parameter = (asked.text("searchparam") or "").lower()
    if parameter not in known:
        message = f"searchparam must be one of: {', '.join(known)}"
        raise asked.refused("searchparam", message, "invalid_field")
    place: dict[str, Any] = {"limit": _whole(asked, "limit", 1, MOST) or MOST, "after": _whole(asked, "after", 0) or 0}
    process = asked.process
    if parameter == DATE_RANGE:
        since, before = _range(asked)
        return Query(process.id, since=since, before=before, **place)
    by_number = parameter == UpdateParameter.MOBILENUMBER
    value = asked.number(parameter) if by_number else asked.key(parameter)
    if parameter == UpdateParameter.CRMUNIQUEFIELD and _is_the_number(process.policy.crm_unique_field):
        value = number_key(value, process.policy.region)
    return Query(process.id, KEY_COLUMNS[UpdateParameter(parameter)], value, **place)


def _is_the_number(node: str) -> bool:
    return node.strip().lower() == UpdateParameter.MOBILENUMBER


def _range(asked: Asked) -> tuple[datetime, datetime]:
    """From the first instant to behind the last: what is written to the day or the second is all of it."""
    since, _ = _span(asked, "fromdate")
    _, before = _span(asked, "todate")
    if since >= before:
        raise asked.refused("fromdate", "fromdate is later than todate: exchange them", "15", Code.DATE_RANGE)
    return since, before


def _span(asked: Asked, name: str) -> tuple[datetime, datetime]:
    """What a date means: a day, a second, or an instant between seconds; first instant and the one behind the last."""
    value = asked.nodes.get(name)
    written = value.strip() if isinstance(value, str) else ""
    if _DAY.fullmatch(written):
        first, last = f"{written} 00:00:00", f"{written} 23:59:59"
    else:
        first = last = written
    begins, ends = parse_moment(first, asked.zone), parse_moment(last, asked.zone)
    if begins is None or ends is None:
        shape = "YYYY-MM-DD hh:mm:ss, or YYYY-MM-DD for the whole day"
        what = "is mandatory" if is_blank(value) else "cannot be read"
        raise asked.refused(name, f"{name} {what}: write {shape}", "16", Code.DATE_FORMAT)
    within = timedelta(microseconds=1) if ends.microsecond else timedelta(seconds=1)
    return begins, min(ends, LATEST) + within


def _whole(asked: Asked, name: str, least: int, most: int = 10**18 - 1) -> int | None:
    text = asked.text(name)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise asked.refused(name, f"{name} must be a whole number from {least} to {most}", "invalid_field")
    return int(text)


def _shown(
    lead: Lead,
    attempts: Sequence[Mapping[str, Any]],
    remarks: Mapping[str, tuple[str | None, datetime]],
    zone: tzinfo,
) -> dict[str, Any]:
    return {
        "leadid": lead.id,
        "status": status_number(lead.state, lead.calltype),
        "state": lead.state,
        **{name: getattr(lead, name) for name in _PLAIN},
        "crmuniquefield": lead.crm_key,
        **{name: _written(getattr(lead, column), zone) for name, column in _MOMENTS.items()},
        "attempts": [_in_zone(attempt, zone) for attempt in attempts],
        "dispositions": [_disposition(attempt, remarks, zone) for attempt in attempts if attempt["disposition"]],
    }


def _disposition(
    attempt: Mapping[str, Any], remarks: Mapping[str, tuple[str | None, datetime]], zone: tzinfo
) -> dict[str, Any]:
    remark, at = remarks.get(str(attempt["id"]), (None, attempt["ended_at"]))
    return {
        "attempt": attempt["id"],
        "disposition": attempt["disposition"],
        "remarks": remark,
        "datetime": _written(at, zone),
    }


def _in_zone(attempt: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    return {name: _written(value, zone) if isinstance(value, datetime) else value for name, value in attempt.items()}


def _written(moment: datetime | None, zone: tzinfo) -> str | None:
    return None if moment is None else write_moment(moment, zone)
