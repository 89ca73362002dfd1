"""Rules of the clock: when the recipient may be called, on which days nobody is, when the process works."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from leadline.domain.calling_hours import next_open, within
from leadline.domain.eligibility.facts import Facts, Verdict
from leadline.domain.phone import Number, zones_of
from leadline.domain.policy import ANY_TIME, Schedule

ANYWHERE: Final = tuple(f"Etc/GMT{hours:+}" for hours in range(-14, 13))
"""Every zone that there may be, to the hour: for recipients of whom nothing is known."""


def zones(facts: Facts, number: Number) -> tuple[str, ...]:
    """Every zone that the recipient may be in: the one that was pushed, else those of the number; none if not known."""
    return (facts.lead.timezone,) if facts.lead.timezone else zones_of(number.e164)


def calling_hours(facts: Facts, number: Number) -> Verdict:
    hours = facts.policy.calling_hours
    if hours is None:
        return Verdict("calling_hours", True, "the process calls at any time")
    there = zones(facts, number)
    if not there:
        return Verdict(
            "calling_hours", False, "the recipient's time zone is not known: push a timezone with the record"
        )
    where = ", ".join(there)
    if within(hours, there, facts.now):
        return Verdict("calling_hours", True, f"within calling hours in {where}")
    opens = next_open(hours, there, facts.now, _holidays(facts))
    if opens is None:
        return Verdict("calling_hours", False, f"no time of the week is within calling hours in all of {where}")
    return Verdict("calling_hours", False, f"outside calling hours in {where}", until=opens)


def holiday(facts: Facts, number: Number) -> Verdict:
    """Nobody is called on a holiday of the process, by the recipient's own date."""
    if not facts.policy.holidays:
        return Verdict("holiday", True, "the process has no holidays")
    there = zones(facts, number) or ANYWHERE
    holidays = _holidays(facts)
    if within(ANY_TIME, there, facts.now, holidays):
        return Verdict("holiday", True, "no holiday there today")
    zone = next(zone for zone in there if facts.now.astimezone(ZoneInfo(zone)).date() in holidays)
    day = facts.now.astimezone(ZoneInfo(zone)).date()
    name = f" ({holidays[day]})" if holidays[day] else ""
    opens = next_open(facts.policy.calling_hours or ANY_TIME, there, facts.now, holidays)
    return Verdict("holiday", False, f"{day}{name} is a holiday in {zone}", until=opens)


def _holidays(facts: Facts) -> dict[date, str | None]:
    return {holiday.date: holiday.name for holiday in facts.policy.holidays}


def schedule(facts: Facts) -> Verdict:
    """A process calls while it works, by the clock of its organisation."""
    planned = facts.policy.schedule
    if planned is None:
        return Verdict("schedule", True, "the process works at any time")
    begins = midnight(planned.begins, planned.timezone) if planned.begins else None
    ends = midnight(planned.ends + timedelta(days=1), planned.timezone) if planned.ends else None
    if ends is not None and ends <= facts.now:
        return Verdict("schedule", False, f"the process ended on {planned.ends}: give schedule.until a later day")
    if begins is not None and facts.now < begins:
        return _opening(planned, f"the process begins on {planned.begins}", _from(planned, begins), ends)
    if planned.hours is None or within(planned.hours, (planned.timezone,), facts.now):
        return Verdict("schedule", True, f"the process works now in {planned.timezone}")
    opens = next_open(planned.hours, (planned.timezone,), facts.now)
    return _opening(planned, f"the process does not work at this time in {planned.timezone}", opens, ends)


def midnight(day: date, zone: str) -> datetime:
    """When a day begins somewhere, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _from(planned: Schedule, at: datetime) -> datetime | None:
    """The first instant from `at` on at which the process works."""
    hours = planned.hours or ANY_TIME
    return at if within(hours, (planned.timezone,), at) else next_open(hours, (planned.timezone,), at)


def _opening(planned: Schedule, reason: str, opens: datetime | None, ends: datetime | None) -> Verdict:
    if opens is None or (ends is not None and ends <= opens):
        return Verdict("schedule", False, f"{reason}, nor later up to {planned.ends}: give schedule.until a later day")
    return Verdict("schedule", False, reason, until=opens)
