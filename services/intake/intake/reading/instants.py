"""Reads dates, times and ages as English schools and their systems write them."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMERIC = re.compile(r"(\d{1,2})\s?[/.\-]\s?(\d{1,2})\s?[/.\-]\s?(\d{4}|\d{2})(?!\d)", re.ASCII)
_NAMED = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[\s\-]+([A-Za-z]{3,9})\.?,?[\s\-]+(\d{4})(?!\d)", re.ASCII
)
_CLOCK = re.compile(
    r"[\sT,]*(?:at\s+)?(\d{1,2})(?:[:.](\d{2}))?(?:[:.](\d{2}))?\s*(?:([ap])\.?m\.?)?",
    re.ASCII | re.IGNORECASE,
)
_AGE = re.compile(
    r"(?:aged?\s*)?(\d{1,3})(?:\.\d{1,6})?\s*(?:y|yrs?|years?)?(?:[\s-]*old)?"
    r"(?:\s*(?:,|and)?\s*\d{1,2}\s*(?:m|months?|mths?))?(?:[\s-]*old)?\.?",
    re.ASCII | re.IGNORECASE,
)
_LONGEST = 64

Read = tuple[date, tuple[str, ...]]


def read_date(value: object, *, today: date) -> Read | None:
    """A date and what had to be done to read it; day first, as in England."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    if _ISO_DATE.fullmatch(text):
        day = _iso_date(text)
        return (day, ()) if day else None
    found = _leading_date(text, today)
    if found is not None:
        day, issues, rest = found
        return (day, issues) if not rest or _clock(rest) is not None else None
    instant = _iso_instant(text)
    return (instant.date(), ("read_as_date",)) if instant else None


def read_instant(value: object, *, today: date) -> tuple[datetime, tuple[str, ...]] | None:
    """A UTC instant; without a zone it is London's time, without a time the day's beginning."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip()
    if _ISO_DATE.fullmatch(text):
        day = _iso_date(text)
        return _in_london(day, time(), ("date_only",)) if day else None
    instant = _iso_instant(text)
    if instant is not None and instant.tzinfo is not None:
        return _utc(instant), ()
    if instant is not None:
        return _in_london(instant.date(), instant.time(), ("no_zone",))
    return _english_instant(text, today)


def _english_instant(text: str, today: date) -> tuple[datetime, tuple[str, ...]] | None:
    found = _leading_date(text, today)
    if found is None:
        return None
    day, issues, rest = found
    if not rest:
        return _in_london(day, time(), (*issues, "date_only"))
    clock = _clock(rest)
    return _in_london(day, clock, (*issues, "no_zone")) if clock else None


def read_age(value: object) -> tuple[int, tuple[str, ...]] | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value, ()
    if isinstance(value, float) and abs(value) < 1000:  # noqa: PLR2004 - far above any age
        return int(value // 1), ("read_as_number",)
    if isinstance(value, str) and len(value) <= _LONGEST and (m := _AGE.fullmatch(value.strip())):
        return int(m[1]), ("read_as_number",)
    return None


def age_on(born: date, day: date) -> int:
    """Whole years; a child of 29 February is a year older on 1 March, as in English law."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _iso_instant(text: str) -> datetime | None:
    if not text[:4].isdigit():
        return None
    try:
        return datetime.fromisoformat(text.upper().replace(" UTC", "Z").replace(" GMT", "Z"))
    except ValueError:
        return None


def _utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _in_london(day: date, clock: time, issues: tuple[str, ...]) -> tuple[datetime, tuple[str, ...]]:
    return _utc(datetime.combine(day, clock, tzinfo=LONDON)), issues


def _leading_date(text: str, today: date) -> tuple[date, tuple[str, ...], str] | None:
    if found := _NUMERIC.match(text):
        day, month, year = int(found[1]), int(found[2]), _year(found[3], today)
        issues: tuple[str, ...] = ("read_as_date",)
        if month > 12 >= day:  # noqa: PLR2004 - months
            day, month, issues = month, day, ("month_first",)
    elif found := _NAMED.match(text):
        name = found[2][:3].lower()
        day, month, year = (
            int(found[1]),
            _MONTHS.index(name) + 1 if name in _MONTHS else 0,
            int(found[3]),
        )
        issues = ("read_as_date",)
    else:
        return None
    try:
        return date(year, month, day), issues, text[found.end() :].strip()
    except ValueError:
        return None


def _year(digits: str, today: date) -> int:
    if len(digits) == 4:  # noqa: PLR2004 - a whole year
        return int(digits)
    year = today.year - today.year % 100 + int(digits)
    return year if year <= today.year + 1 else year - 100


def _clock(text: str) -> time | None:
    found = _CLOCK.fullmatch(text)
    if not found or (found[2] is None and found[4] is None):
        return None
    hour, half = int(found[1]), (found[4] or "").lower()
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004 - hours before and after noon
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, int(found[2] or 0), int(found[3] or 0))
    except ValueError:
        return None
