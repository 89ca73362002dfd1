"""`reallocatedata` and `saveDisposition`: what a desk changes of a lead, by the rules of a push that updates it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from leadline.domain.events import Event, EventKind
from leadline.domain.lead import Lead, LeadState
from leadline.domain.record import Defaults, Record
from leadline.domain.vendor import CallType, Code, Media, UpdateParameter
from leadline.intake.deciding import Ledger, Result, reading_of
from leadline.intake.request import Push, moment_of
from leadline.intake.siblings_nodes import Asked
from leadline.store import contacts, do_not_call, events
from leadline.store.writing import write


async def reallocate(asked: Asked) -> dict[str, Any]:
    """Give a lead to another agent, and another time where one is sent."""
    number = asked.number("contactnumber")
    login = asked.key("login").lower()
    if login not in asked.organisation.logins:
        message = "login names no login of this organisation: add the user, or give another"
        raise asked.refused("login", message, "unknown_user")
    call_at = moment_of(asked.nodes, "calldatetime", asked.zone)
    requested_at = _requested_at(asked)
    customercode = asked.text("customercode")
    async with asked.database.transaction() as connection:
        lead = await _lead(connection, asked, "contactnumber", number, customercode)
        change = Record(number, {"userlogin": login}, {}, None, call_at)
        result = await _change(connection, asked, lead, change, requested_at)
    warnings = _noted(result)
    if call_at is not None and lead.state is LeadState.CLOSED:
        warnings.append("the lead is closed, so that calldatetime was not taken: push it to open it again")
    return _told(result, warnings)


async def save_disposition(asked: Asked) -> dict[str, Any]:
    """Write how the last call went, and schedule the callback that was agreed on it."""
    number = asked.number("contactvalue")
    disposition = "/".join(filter(None, (asked.key("dispomasterid"), asked.text("disporeasonid"))))
    remarks = asked.text("remarks")
    callback_at = moment_of(asked.nodes, "selecteddatetime", asked.zone)
    requested_at = _requested_at(asked)
    async with asked.database.transaction() as connection:
        lead = await _lead(connection, asked, "contactvalue", number)
        attempt = await contacts.last_attempt(connection, lead)
        if attempt is None:
            message = "this customer has not been called: there is no call to say this of"
            raise asked.refused("contactvalue", message, "no_call")
        if not attempt.has_ended:
            message = "the call is still up: send it again when the call is over"
            raise asked.refused("contactvalue", message, "call_is_up")
        await contacts.set_disposition(connection, lead, attempt.id, disposition)
        said = {"changed": ["disposition"], "attempt": attempt.id, "disposition": disposition, "remarks": remarks}
        now = asked.clock.now()
        told = Event(lead.organisation_id, lead.id, lead.opening, now, EventKind.LEAD_UPDATED, said)
        await events.record(connection, [told])
        if callback_at is None:
            return _told(Result(0, "updated", lead.id), [])
        lead = await _lead(connection, asked, "contactvalue", number)
        calltype = CallType.CALLBACK if lead.userlogin else CallType.GENERAL_CALLBACK
        change = Record(number, {}, {}, calltype, callback_at)
        result = await _change(connection, asked, lead, change, requested_at)
    warnings = _noted(result)
    if result.action == "unchanged" and lead.state is LeadState.CLOSED:
        message = f"no callback was scheduled: the process opens no closed lead for call type {calltype:d}"
        warnings.append(f"{message}, unless its reopen list has it")
    return _told(result, warnings)


def _requested_at(asked: Asked) -> datetime:
    return moment_of(asked.nodes, "reqdatetime", asked.zone) or asked.clock.now()


async def _lead(connection: Any, asked: Asked, node: str, number: str, customercode: str | None = None) -> Lead:
    lead = await contacts.newest(connection, asked.organisation.id, asked.process.id, number, customercode)
    if lead is None:
        raise asked.refused(node, "no lead of the process has this number: push it", "14", Code.DATA_NOT_FOUND)
    return lead


async def _change(connection: Any, asked: Asked, lead: Lead, change: Record, requested_at: datetime) -> Result:
    """What the change makes of the lead, as if it had been pushed; raises PushRefused."""
    push = Push(
        organisation=asked.organisation,
        process=asked.process,
        media=Media(lead.media),
        update_parameter=UpdateParameter.MOBILENUMBER,
        requested_at=requested_at,
        defaults=Defaults(),
        records=[],
        transport="",
    )
    now = asked.clock.now()
    numbers = {number for number in (lead.number, change.carried.get("number")) if number}
    listed = await do_not_call.listed(connection, lead.organisation_id, lead.process_id, numbers, now)
    key = lead.process_id, change.key
    ledger = Ledger(now, {key: lead}, {}, {lead.process_id: listed})
    [result] = ledger.decided(reading_of(push, [change]))
    if result.action == "rejected":
        number = Code(int(result.code)) if result.code and result.code.isdigit() else Code.FAIL
        raise asked.refused(result.field or "", result.message or "", result.code or "", number)
    await write(connection, ledger.rows)
    return result


def _noted(result: Result) -> list[str]:
    return [result.note] if result.note else []


def _told(result: Result, warnings: Sequence[str]) -> dict[str, Any]:
    shown: Mapping[str, Any] = {
        name: getattr(result, name) for name in ("leadid", "action", "code", "field", "message")
    }
    return {"data": [shown], "warnings": list(warnings)}
