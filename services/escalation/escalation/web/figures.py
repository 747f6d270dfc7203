"""The figures of an authority for its managers: charts with their tables, and a CSV."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from escalation.access import Session, rules_of
from escalation.deciding import Rules
from escalation.figures.routes import Figures, La, Volume, figures_of, written
from escalation.viewer import Viewer, viewer_of
from escalation.web.words import authority_name, queue_name
from shared.auth import Principal, forbidden
from shared.errors import Problem
from shared.web import Fault, View, page, page_router, signed_in

router = page_router()
Manager = Annotated[Principal, Depends(signed_in("manager"))]
Words = Callable[[int | None], str]
HIDDEN: Final = "1 to 4 or hidden"
_ROW: Final = 52  # a bar and the words above it, in CSS pixels
_TITLES: Final = {
    "category": "By kind of concern",
    "home_authority": "By the child’s home authority",
    "priority": "By priority",
    "outcome": "By outcome",
    "school_type": "By type of school",
}
# The phases of education of the register of schools, Get Information About Schools.
_SCHOOLS: Final = {
    "middle deemed primary": "Middle, deemed primary",
    "middle deemed secondary": "Middle, deemed secondary",
    "16 plus": "16 and over",
    "not applicable": "No phase: special, independent and other schools",
}
_OUTCOMES: Final = {
    "undecided": "Not decided yet",
    "NEW_REFERRAL": "New referral",
    "EXISTING_REFERRAL": "Existing referral",
    "CP_ENQUIRY": "Child protection enquiry",
    "NFA": "No further action",
    "NON_AGENCY_ADOPTION": "Non-agency adoption",
    "PRIVATE_FOSTERING": "Private fostering",
    "ADVICE": "Advice or information",
    "MISSING": "Missing",
    "OLA_CP": "Another authority’s child protection",
    "OTHER_OUTCOMES_EXIST": "Other outcomes exist",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Bar(_Part):
    """width: percent of the longest; None where the number is not told. y: of its words."""

    name: str
    said: str
    width: float | None
    y: int


class Chart(_Part):
    """One table and its picture. told: what the picture shows, for who does not see it."""

    id: str
    title: str
    measure: str
    told: str
    height: int
    bars: tuple[Bar, ...]


class ClockRow(_Part):
    name: str
    due: str
    met: str
    overdue: str


class Choice(_Part):
    value: str
    text: str
    selected: bool


class FiguresPage(View):
    authorities: tuple[Choice, ...]
    since: str
    until: str
    days: str
    cases: str
    again: str
    csv: str | None
    clocks: tuple[ClockRow, ...]
    charts: tuple[Chart, ...]


@router.get("/triage/figures")
async def figures(  # noqa: PLR0917 - one parameter for each part of the question
    request: Request,
    session: Session,
    who: Manager,
    la: str = "",
    since: str = "",
    until: str = "",
) -> Response:
    viewer, rules = viewer_of(request, who), rules_of(request)
    mine = _authorities(viewer, rules)
    if not mine:
        raise forbidden()
    la = la or mine[0]
    faults: tuple[Fault, ...] = ()
    found = None
    try:
        days = _day(since, "since"), _day(until, "until")
        found = await figures_of(request, session, viewer, la, *days)
    except _NotADay as wrong:
        faults = (Fault(field=wrong.field, says="Enter a day, such as 2026-11-30"),)
    except Problem as wrong:
        if wrong.status != 422:  # noqa: PLR2004 - anything else is not about what was entered
            raise
        faults = (Fault(field="since", says=str(wrong.detail)),)
    view = _page(rules, mine, la, found, faults, (since, until))
    return page(request, "escalation/figures.html", view, status=422 if faults else 200)


@router.get("/triage/figures.csv")
async def figures_as_csv(  # noqa: PLR0917 - one parameter for each part of the question
    request: Request,
    session: Session,
    who: Manager,
    la: La,
    since: date | None = None,
    until: date | None = None,
) -> Response:
    viewer = viewer_of(request, who)
    found = await figures_of(request, session, viewer, la, since, until)
    name = f"figures-{found.la}-{found.since}-{found.until}.csv"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written(found), media_type="text/csv; charset=utf-8", headers=headers)


class _NotADay(Exception):
    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


def _day(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise _NotADay(field) from None


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _authorities(viewer: Viewer, rules: Rules) -> list[str]:
    granted = {grant.la for grant in viewer.principal.grants("manager")}
    every = set(rules.policy.locals) if None in granted else set()
    return sorted({la for la in granted if la} | every)


def _page(  # noqa: PLR0917 - the parts of the page
    rules: Rules,
    mine: Sequence[str],
    la: str,
    found: Figures | None,
    faults: tuple[Fault, ...],
    typed: tuple[str, str],
) -> FiguresPage:
    choices = tuple(
        Choice(value=one, text=authority_name(rules, one), selected=one == la) for one in mine
    )
    common = {"title": "Figures", "faults": faults, "authorities": choices}
    if found is None:
        empty = dict.fromkeys(("days", "cases", "again"), "")
        return FiguresPage(
            **common, **empty, since=typed[0], until=typed[1], csv=None, clocks=(), charts=()
        )
    query = {"la": la, "since": found.since, "until": found.until}
    return FiguresPage(
        **common,
        since=found.since.isoformat(),
        until=found.until.isoformat(),
        days=f"{_spoken(found.since)} to {_spoken(found.until)}",
        cases=_said(found.cases),
        again=_percent(found.seen_within_a_year_percent),
        csv=f"/triage/figures.csv?{urlencode(query)}",
        clocks=tuple(
            ClockRow(
                name=_clock(clock.clock),
                due=_said(clock.due),
                met=_percent(clock.met_percent),
                overdue=_said(clock.overdue),
            )
            for clock in found.timeliness
        ),
        charts=_charts(found, rules),
    )


def _charts(found: Figures, rules: Rules) -> tuple[Chart, ...]:
    in_time = {_clock(clock.clock): clock.met_percent for clock in found.timeliness}
    charts = [_chart("in-time", "Done in time", "Met in time", in_time, _percent)]
    charts += [_volume(volume, rules) for volume in found.volumes]
    return tuple(chart for chart in charts if chart.bars)


def _volume(volume: Volume, rules: Rules) -> Chart:
    numbers = {_named(volume.by, part.name, rules): part.count for part in volume.parts}
    return _chart(volume.by.replace("_", "-"), _TITLES[volume.by], "Cases", numbers, _said)


def _chart(
    name: str, title: str, measure: str, numbers: Mapping[str, int | None], words: Words
) -> Chart:
    longest = 100 if words is _percent else max((n for n in numbers.values() if n), default=1)
    bars = tuple(
        Bar(
            name=one,
            said=words(number),
            width=None if number is None else round(100 * number / longest, 1),
            y=_ROW * place + 16,
        )
        for place, (one, number) in enumerate(numbers.items())
    )
    told = "; ".join(f"{bar.name}: {bar.said}" for bar in bars)
    return Chart(
        id=name, title=title, measure=measure, told=told, height=_ROW * len(bars), bars=bars
    )


def _named(by: str, name: str, rules: Rules) -> str:
    if by == "home_authority":
        return authority_name(rules, name) if name.isdigit() else "Not known"
    if by == "outcome":
        return _OUTCOMES.get(name, name)
    if by == "school_type":
        return _SCHOOLS.get(name, name.capitalize())
    return name if by == "priority" else name.replace("_", " ").capitalize()


def _clock(name: str) -> str:
    return "The hub’s decision" if name == "LA_DECISION" else queue_name(name)


def _said(number: int | None) -> str:
    return HIDDEN if number is None else str(number)


def _percent(number: int | None) -> str:
    return "too few to tell" if number is None else f"{number}%"
