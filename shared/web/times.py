"""Instants as people read them, in London's time, with what is left in working time. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from shared.policy.clocks import LONDON, Hours, is_working_day

OFFICE: Final = Hours()
_FAR: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Deadline:
    """when: "today, 5:00pm". left: "in 1 working hour 20 minutes". iso: for a `time` element."""

    when: str
    left: str
    overdue: bool
    iso: str

    def __str__(self) -> str:
        return f"{self.when} — {self.left}" if self.left else self.when


def deadline(by: datetime | None, now: datetime, hours: Hours = OFFICE) -> Deadline:
    """A deadline as it stands now; None is due "now" and never overdue, as in a queue's rows."""
    if by is None:
        return Deadline("now", "", overdue=False, iso="")
    overdue = by <= now
    first, last = (by, now) if overdue else (now, by)
    apart = span(first, last, hours)
    left = f"overdue by {apart}" if overdue else f"in {apart}"
    return Deadline(said(by, now), left, overdue, by.astimezone(LONDON).isoformat())


def said(at: datetime, now: datetime) -> str:
    """The day as it is spoken of, and the time: "tomorrow, 9:00am", "Monday 7 April, 5:00pm"."""
    local, today = at.astimezone(LONDON), now.astimezone(LONDON).date()
    return f"{_day(local.date(), today)}, {clock_time(local.time())}"


def clock_time(at: time) -> str:
    if (at.hour, at.minute) in {(0, 0), (12, 0)}:
        return "midday" if at.hour else "midnight"
    return f"{at.hour % 12 or 12}:{at.minute:02}{'am' if at.hour < 12 else 'pm'}"  # noqa: PLR2004


def span(first: datetime, last: datetime, hours: Hours = OFFICE) -> str:
    """How long it is, in working time; where nobody works in between, as the clock runs."""
    apart = last.astimezone(UTC) - first.astimezone(UTC)
    if apart > _FAR:
        return _count(apart.days, "day")
    working = working_time(first, last, hours)
    if working < timedelta(minutes=1):
        return _plain(apart)
    a_day = _length(hours)
    days, rest = divmod(working, a_day)
    whole_hours, rest = divmod(rest, timedelta(hours=1))
    minutes = rest // timedelta(minutes=1)
    if days:
        more = f" {_count(whole_hours, 'hour')}" if whole_hours else ""
        return _count(days, "working day") + more
    if whole_hours:
        more = f" {_count(minutes, 'minute')}" if minutes else ""
        return _count(whole_hours, "working hour") + more
    return _count(minutes, "working minute")


def working_time(first: datetime, last: datetime, hours: Hours = OFFICE) -> timedelta:
    """What of the time between falls into the hours on working days; nothing if last is earlier."""
    total, day = timedelta(), first.astimezone(LONDON).date()
    begins, ends = first.astimezone(UTC), last.astimezone(UTC)
    final = last.astimezone(LONDON).date()
    while day <= final:
        if day.weekday() in hours.days and is_working_day(day):
            opens = datetime.combine(day, hours.opens, LONDON).astimezone(UTC)
            closes = datetime.combine(day, hours.closes, LONDON).astimezone(UTC)
            total += max(timedelta(), min(ends, closes) - max(begins, opens))
        day += timedelta(days=1)
    return total


def _day(day: date, today: date) -> str:
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    away = (day - today).days
    if away in near:
        return near[away]
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day:%A} {day.day} {day:%B}{year}"


def _length(hours: Hours) -> timedelta:
    minutes = (hours.closes.hour - hours.opens.hour) * 60 + hours.closes.minute - hours.opens.minute
    return timedelta(minutes=minutes)


def _plain(apart: timedelta) -> str:
    if apart < timedelta(minutes=1):
        return "less than a minute"
    days, rest = divmod(apart, timedelta(days=1))
    whole_hours, rest = divmod(rest, timedelta(hours=1))
    minutes = rest // timedelta(minutes=1)
    if days:
        return _count(days, "day") + (f" {_count(whole_hours, 'hour')}" if whole_hours else "")
    if whole_hours:
        return _count(whole_hours, "hour") + (f" {_count(minutes, 'minute')}" if minutes else "")
    return _count(minutes, "minute")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
