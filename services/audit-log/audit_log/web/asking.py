"""The search form as a person fills it in: its fields, what was typed, and what is wrong."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from audit_log.search.filters import TYPES, Filters, Service
from shared.policy.clocks import LONDON
from shared.web import Fault

# Of each field: its label, its hint, and what to do where it cannot be read.
_TEXTS: Final = {
    "concern": ("Concern or case", "Its whole id", "Enter the whole id of a concern"),
    "school": ("School", "Its URN, six digits", "Enter a URN of six digits"),
    "la": (
        "Local authority",
        "Its code, three digits",
        "Enter an authority’s code of three digits",
    ),
    "rule": ("Rule", "For example NAT-FGM-01", "Enter a rule’s id, for example NAT-FGM-01"),
    "incident": ("Incident", "Its whole id", "Enter the whole id of an incident"),
    "actor": ("Who did it", "The reference in an entry", "Enter a reference as an entry has it"),
    "trace": (
        "Trace",
        "32 letters and digits, or a traceparent",
        "Enter a trace as an entry has it",
    ),
}
_DAYS: Final = {
    "happened_from": ("Happened from", "occurred_from"),
    "happened_to": ("Happened until", "occurred_to"),
    "logged_from": ("Logged from", "recorded_from"),
    "logged_to": ("Logged until", "recorded_to"),
}
_FORMS: Final = ("%Y-%m-%d", "%d/%m/%Y", "%d %m %Y", "%d %B %Y")
_FIRST: Final = ("type", "service", "concern", "school", "la", "rule")


class Field(BaseModel):
    """options: of a list to choose from, as (value, text); none is for typing."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: str
    hint: str = ""
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()


class Asked(BaseModel):
    """filters: None where something is wrong. more_used: a field of the second part has a value."""

    filters: Filters | None
    faults: tuple[Fault, ...]
    first: tuple[Field, ...]
    more: tuple[Field, ...]
    more_used: bool


def read(query: Mapping[str, str]) -> Asked:
    given = {name: query.get(name, "").strip() for name in ("type", "service", *_TEXTS, *_DAYS)}
    values: dict[str, Any] = {
        name: given[name] for name in ("type", "service", *_TEXTS) if given[name]
    }
    faults = []
    for name, (label, filtered) in _DAYS.items():
        if given[name]:
            day = _day(given[name])
            if day is None:
                says = f"{label}: enter a day, for example 24/11/2026"
                faults.append(Fault(field=name, says=says))
            else:
                values[filtered] = _instant(day, ends=name.endswith("_to"))
    filters = None
    try:
        filters = Filters.model_validate(values)
    except ValidationError as error:
        names = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
        faults += [Fault(field=name, says=_advice(name)) for name in names]
    fields = [*_lists(given), *_texts(given)]
    more = tuple(field for field in fields if field.id not in _FIRST)
    return Asked(
        filters=None if faults else filters,
        faults=tuple(faults),
        first=tuple(field for field in fields if field.id in _FIRST),
        more=more,
        more_used=any(field.value for field in more),
    )


def _advice(name: str) -> str:
    return _TEXTS[name][2] if name in _TEXTS else "Choose one of the list"


def _lists(given: Mapping[str, str]) -> list[Field]:
    kinds = tuple((name, name) for name in TYPES)
    services = tuple((name, name) for name in get_args(Service))
    return [
        Field(id="type", label="Kind of entry", value=given["type"],
              options=(("", "Any"), *kinds)),
        Field(id="service", label="Service", value=given["service"],
              options=(("", "Any"), *services)),
    ]  # fmt: skip


def _texts(given: Mapping[str, str]) -> list[Field]:
    texts = [
        Field(id=name, label=label, hint=hint, value=given[name])
        for name, (label, hint, _) in _TEXTS.items()
    ]
    days = [
        Field(id=name, label=label, hint="For example 24/11/2026", value=given[name])
        for name, (label, _) in _DAYS.items()
    ]
    return texts + days


def _day(typed: str) -> date | None:
    for form in _FORMS:
        try:
            return datetime.strptime(typed, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def _instant(day: date, *, ends: bool) -> datetime:
    """London's midnight before the day, or after it: who asks until a day means all of it."""
    return datetime.combine(day + timedelta(days=int(ends)), time(), LONDON)
