"""Reads what a person typed into the forms of their tasks, and says in words what is wrong."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from shared.errors import Problem
from shared.policy.clocks import LONDON
from shared.web import Fault, Form

_CLOCK: Final = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?", re.IGNORECASE)
_NOON: Final = 12
# What no form can put right is a page of its own.
_ELSEWHERE: Final = frozenset({401, 403, 404, 500, 503})
PARTS: Final = ("day", "month", "year", "time")


class NotFilledIn(Exception):
    """What has to be put right, each beside its input."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("the form is not filled in")
        self.faults = faults


def faults_of(error: Problem | NotFilledIn, field: str) -> tuple[tuple[Fault, ...], int]:
    """The faults to show with the form as it was typed, and the answer's status."""
    if isinstance(error, NotFilledIn):
        return error.faults, 422
    if error.status in _ELSEWHERE:
        raise error
    return (Fault(field=field, says=error.detail),), error.status


def seen(form: Form) -> str:
    """If-Match of what the page showed; an old page is refused, never guessed at."""
    return f'"{form.text("version")}"'


def words(form: Form, name: str, most: int, asks: str) -> str:
    """A text that must be there."""
    text = form.text(name)
    if not text:
        raise NotFilledIn(Fault(field=name, says=asks))
    return _fits(text, name, most)


def maybe(form: Form, name: str, most: int) -> str | None:
    return _fits(form.text(name), name, most) or None


def _fits(text: str, name: str, most: int) -> str:
    if len(text) > most:
        raise NotFilledIn(Fault(field=name, says=f"Shorten this to at most {most} characters"))
    return text


def when(form: Form, now: datetime) -> datetime:
    """A day and a time in London, not later than now."""
    try:
        day, month, year = (int(form.text(f"when-{part}")) for part in PARTS[:3])
        midnight = datetime(year, month, day, tzinfo=LONDON)
    except ValueError:
        raise NotFilledIn(Fault(field="when-day", says="Enter a real day, such as 27 3 2026"))  # noqa: B904
    match = _CLOCK.fullmatch(form.text("when-time"))
    at = _at(midnight, match) if match else None
    if at is None:
        raise NotFilledIn(Fault(field="when-time", says="Enter a time, such as 2:30pm or 14:30"))
    if at > now:
        raise NotFilledIn(
            Fault(field="when-day", says="Enter a time that has been, not one to come")
        )
    return at


def today(now: datetime) -> Mapping[str, str]:
    """The day's boxes as they stand before anyone types: most things are told on their day."""
    local = now.astimezone(LONDON)
    return {
        "when-day": str(local.day),
        "when-month": str(local.month),
        "when-year": str(local.year),
    }


def as_typed(form: Form) -> dict[str, str]:
    return dict(form.fields)


def _at(midnight: datetime, match: re.Match[str]) -> datetime | None:
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if half:
        if not 1 <= hour <= _NOON:
            return None
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    elif match[2] is None:
        return None  # a bare "9" may be morning or evening
    try:
        return midnight.replace(hour=hour, minute=minute)
    except ValueError:
        return None
