"""Deadlines as Europe/London counts them: working days, openings, months and plain hours."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from govuk_bank_holidays.bank_holidays import BankHolidays

LONDON: Final = ZoneInfo("Europe/London")
END_OF_DAY: Final = time(17)
# s.5B of the FGM Act began on this day; a discovery claimed earlier cannot start its clock.
OLDEST_DISCOVERY: Final = datetime(2015, 10, 31, tzinfo=UTC)
# Longer than the longest working-day clock, WD(45), can be.
ALARM_AHEAD: Final = timedelta(days=90)
_WORDS: Final = re.compile(r"(WD|HOURS|SCHOOL_DAYS|DAYS|MONTHS)\((\d{1,3})\)")
# The rulebook's other names for the same clocks.
_SAME: Final = (("CLOCK_HOURS(", "HOURS("), ("IMMEDIATE", "now"))
PLAIN_CLOCKS: Final = (
    "now",
    "WHEN_OPEN",
    "HUB_OPEN",
    "CLOSE_NEXT_WD",
    "ONE_MONTH",
    "BEFORE_NEXT_SCHOOL_DAY",
    "DATE",
)
SCHOOL_CLOCKS: Final = frozenset({"SCHOOL_DAYS", "BEFORE_NEXT_SCHOOL_DAY"})


@dataclass(frozen=True, slots=True)
class ClockSpec:
    """One clock of a rule: `now`, `HUB_OPEN`, `WD(1)`, `ONE_MONTH` and so on."""

    kind: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """When a service answers, on working days only (days are 0 = Monday)."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: time = time(9)
    closes: time = time(17)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days a school meets, where they are known: from first to last, but for the closed ones.

    Outside those days every working day counts, which can only end a clock earlier.
    """

    first: date
    last: date
    closed: frozenset[date] = frozenset()

    def meets(self, day: date) -> bool:
        return is_working_day(day) and not (self.first <= day <= self.last and day in self.closed)


# What a clock may have to look at: when a service answers, or when a school meets.
Times: TypeAlias = Hours | Calendar | None


def parse_clock(text: str) -> ClockSpec:
    for other, ours in _SAME:
        text = text.replace(other, ours)
    if text in PLAIN_CLOCKS:
        return ClockSpec(text)
    match = _WORDS.fullmatch(text)
    if match is None or match[2] == "0":
        raise ValueError(text)
    return ClockSpec(match[1], int(match[2]))


@lru_cache(maxsize=1)
def bank_holidays() -> frozenset[date]:
    """England and Wales, from the copy that ships with the package: no network."""
    data = BankHolidays(use_cached_holidays=True).data["england-and-wales"]
    return frozenset(entry["date"] for entry in data)


@lru_cache(maxsize=1)
def known_until() -> date:
    return date(max(bank_holidays()).year, 12, 31)


def beyond_known_holidays(at: datetime) -> bool:
    """True when a deadline from here may fall after the last bank holiday we know of."""
    return (at.astimezone(LONDON) + ALARM_AHEAD).date() > known_until()


def is_working_day(day: date) -> bool:
    return day.weekday() < calendar.SATURDAY and day not in bank_holidays()


@lru_cache(maxsize=4096)
def end_of_working_day(trigger: date, count: int) -> datetime:
    """17:00 on the count-th working day after the trigger's date, which is not counted."""
    day = trigger
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return datetime.combine(day, END_OF_DAY, LONDON)


def one_month_after(at: datetime) -> datetime:
    """The corresponding date next month, or that month's last day, at the same time of day."""
    return months_after(at, 1)


def months_after(at: datetime, count: int) -> datetime:
    local = at.astimezone(LONDON)
    year, month = divmod(local.year * 12 + local.month - 1 + count, 12)
    month += 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    there = local.replace(year=year, month=month, day=day, fold=0)
    return there.astimezone(UTC).astimezone(LONDON)  # a time the spring change skips moves on


def school_days(first: date, last: date, school: Calendar | None) -> int:
    """How many days the school met, from the first to the last, both counted."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return sum(map(_meeting(school), days))


def end_of_school_day(trigger: date, count: int, school: Calendar | None) -> datetime:
    """17:00 on the count-th day the school meets after the trigger's date, which is not counted."""
    meets, day = _meeting(school), trigger
    while count:
        day += timedelta(days=1)
        count -= meets(day)
    return datetime.combine(day, END_OF_DAY, LONDON)


def _meeting(school: Calendar | None) -> Callable[[date], bool]:
    return is_working_day if school is None else school.meets


def is_open(hours: Hours, at: datetime) -> bool:
    local = at.astimezone(LONDON)
    return (
        local.weekday() in hours.days
        and hours.opens <= local.time() < hours.closes
        and is_working_day(local.date())
    )


def next_opening(hours: Hours, at: datetime) -> datetime | None:
    """None while it is open."""
    if is_open(hours, at):
        return None
    local = at.astimezone(LONDON)
    started = local.time() >= hours.opens
    return _opening_on_or_after(hours, local.date() + timedelta(days=started))


@lru_cache(maxsize=4096)
def _opening_on_or_after(hours: Hours, day: date) -> datetime:
    while not (day.weekday() in hours.days and is_working_day(day)):
        day += timedelta(days=1)
    return datetime.combine(day, hours.opens, LONDON)


def discovery(received_at: datetime, claimed: datetime | None) -> datetime:
    """When the duty's clock began: the claim, unless it is missing, in the future or absurd."""
    if claimed is None or not OLDEST_DISCOVERY <= claimed <= received_at:
        return received_at
    return claimed


def due(spec: ClockSpec, start: datetime, times: Times) -> datetime | None:
    """The instant a clock ends, in London's offset; None means now."""
    if spec.kind in {"now", "WHEN_OPEN", "HUB_OPEN"}:
        hours = times if isinstance(times, Hours) and spec.kind != "now" else None
        return next_opening(hours, start) if hours else None
    if spec.kind == "HOURS":
        return (start.astimezone(UTC) + timedelta(hours=spec.count)).astimezone(LONDON)
    if spec.kind in {"ONE_MONTH", "MONTHS"}:
        return months_after(start, spec.count or 1)
    day = start.astimezone(LONDON).date()
    if spec.kind in SCHOOL_CLOCKS:
        return _school_clock(spec, day, times if isinstance(times, Calendar) else None)
    if spec.kind in {"DAYS", "DATE"}:
        return datetime.combine(day + timedelta(days=spec.count), END_OF_DAY, LONDON)
    return end_of_working_day(day, spec.count or 1)


def _school_clock(spec: ClockSpec, day: date, school: Calendar | None) -> datetime:
    if spec.kind == "SCHOOL_DAYS":
        return end_of_school_day(day, spec.count, school)
    meets = _meeting(school)
    day += timedelta(days=1)
    while not meets(day):
        day += timedelta(days=1)
    return datetime.combine(day, Hours().opens, LONDON)
