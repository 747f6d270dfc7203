"""Deadlines as Europe/London counts them: working days, openings, months and plain hours."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from govuk_bank_holidays.bank_holidays import BankHolidays

LONDON: Final = ZoneInfo("Europe/London")
END_OF_DAY: Final = time(17)
# s.5B of the FGM Act began on this day; a discovery claimed earlier cannot start its clock.
OLDEST_DISCOVERY: Final = datetime(2015, 10, 31, tzinfo=UTC)
ALARM_AHEAD: Final = timedelta(days=60)
_WORDS: Final = re.compile(r"(WD|HOURS|SCHOOL_DAYS)\((\d{1,3})\)")
PLAIN_CLOCKS: Final = (
    "now",
    "WHEN_OPEN",
    "HUB_OPEN",
    "CLOSE_NEXT_WD",
    "ONE_MONTH",
    "BEFORE_NEXT_SCHOOL_DAY",
)


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


def parse_clock(text: str) -> ClockSpec:
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
    local = at.astimezone(LONDON)
    year, month = divmod(local.year * 12 + local.month, 12)
    month += 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    there = local.replace(year=year, month=month, day=day, fold=0)
    return there.astimezone(UTC).astimezone(LONDON)  # a time the spring change skips moves on


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


def due(spec: ClockSpec, start: datetime, hours: Hours | None) -> datetime | None:
    """The instant a clock ends, in London's offset; None means now."""
    if spec.kind == "now":
        return None
    if spec.kind in {"WHEN_OPEN", "HUB_OPEN"}:
        return None if hours is None else next_opening(hours, start)
    if spec.kind == "HOURS":
        return (start.astimezone(UTC) + timedelta(hours=spec.count)).astimezone(LONDON)
    if spec.kind == "ONE_MONTH":
        return one_month_after(start)
    day = start.astimezone(LONDON).date()
    if spec.kind == "BEFORE_NEXT_SCHOOL_DAY":
        return _opening_on_or_after(Hours(), day + timedelta(days=1))
    # School days fall back to working days until a school's own calendar is held.
    return end_of_working_day(day, spec.count or 1)
