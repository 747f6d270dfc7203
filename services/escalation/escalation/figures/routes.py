"""Figures over REST, as JSON and as CSV: for managers of an authority's queues."""

import csv
import io
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from escalation.access import Session
from escalation.figures.counting import Asked, count
from escalation.figures.suppression import rounded, share, suppressed
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem
from shared.policy.clocks import LONDON

router = APIRouter()
Manager = Annotated[Principal, Depends(requires("manager"))]
LONGEST = timedelta(days=366)


class Part(BaseModel):
    """count: to the nearest five or so; null where it is from 1 to 4, or would give such a number
    away."""

    name: str
    count: int | None


class Volume(BaseModel):
    by: str
    parts: list[Part]


class Timeliness(BaseModel):
    """due, overdue: to the nearest five. met_percent: null where fewer than five would be told
    of."""

    clock: str
    due: int | None
    met_percent: int | None
    overdue: int | None


class Figures(BaseModel):
    """since, until: whole weeks, from a Monday to a Sunday. cases: to the nearest five."""

    la: str
    since: date
    until: date
    cases: int | None
    seen_within_a_year_percent: int | None
    timeliness: list[Timeliness]
    volumes: list[Volume]


Since = Annotated[
    date | None, Query(description="A day of the first week, London time; a month ago if left out")
]
Until = Annotated[date | None, Query(description="A day of the last week; today if left out")]
La = Annotated[str, Query(pattern=r"^[0-9]{3}$")]


@router.get("/v1/reports/figures", tags=["reports"])
async def read_figures(  # noqa: PLR0917 - one parameter for each part of the question
    request: Request,
    response: Response,
    session: Session,
    who: Manager,
    la: La,
    since: Since = None,
    until: Until = None,
) -> Figures:
    """Of whole weeks, in fives; small numbers are not told. Drills and wrong entries do not
    count."""
    response.headers["Cache-Control"] = "no-store"
    return await figures_of(request, session, viewer_of(request, who), la, since, until)


@router.get("/v1/reports/figures.csv", tags=["reports"])
async def read_figures_as_csv(  # noqa: PLR0917 - one parameter for each part of the question
    request: Request,
    session: Session,
    who: Manager,
    la: La,
    since: Since = None,
    until: Until = None,
) -> Response:
    """One row a number: table, name, measure, value; an empty value is a small number."""
    viewer = viewer_of(request, who)
    found = await figures_of(request, session, viewer, la, since, until)
    name = f"figures-{found.la}-{found.since}-{found.until}.csv"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written(found), media_type="text/csv; charset=utf-8", headers=headers)


async def figures_of(  # noqa: PLR0917 - the parts of the question
    request: Request,
    session: Session,
    viewer: Viewer,
    la: str,
    since: date | None,
    until: date | None,
) -> Figures:
    if not any(grant.la in (la, None) for grant in viewer.principal.grants("manager")):
        raise forbidden()
    runtime = runtime_of(request)
    now = runtime.clock.now()
    last = until or now.astimezone(LONDON).date()
    first = since or last - timedelta(days=30)
    if not first <= last <= first + LONGEST:
        detail = "Ask for at most a year, and give the first day before the last."
        raise Problem(422, "days-not-valid", detail)
    first, last = _whole_weeks(first, last)
    asked = Asked(
        la=la,
        since=_midnight(first),
        until=_midnight(last + timedelta(days=1)),
        now=now,
        viewer=viewer,
        synthetic=runtime.settings.synthetic,
    )
    counted = await count(session, asked)
    return Figures(
        la=la,
        since=first,
        until=last,
        cases=rounded(counted.cases),
        seen_within_a_year_percent=share(counted.again, counted.cases),
        timeliness=[
            Timeliness(
                clock=clock.name,
                due=rounded(clock.due),
                met_percent=share(clock.met, clock.due),
                overdue=rounded(clock.overdue),
            )
            for clock in counted.clocks
        ],
        volumes=[
            Volume(by=by, parts=[Part(name=n, count=c) for n, c in suppressed(parts).items()])
            for by, parts in counted.volumes.items()
        ],
    )


def written(figures: Figures) -> str:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("table", "name", "measure", "value"))
    rows.writerow(("cases", "all", "count", figures.cases))
    again = figures.seen_within_a_year_percent
    rows.writerow(("cases", "seen within a year", "percent", again))
    for clock in figures.timeliness:
        rows.writerow(("timeliness", clock.clock, "due", clock.due))
        rows.writerow(("timeliness", clock.clock, "met in time, percent", clock.met_percent))
        rows.writerow(("timeliness", clock.clock, "overdue", clock.overdue))
    for volume in figures.volumes:
        for part in volume.parts:
            rows.writerow((volume.by, part.name, "count", part.count))
    return out.getvalue()


def _whole_weeks(first: date, last: date) -> tuple[date, date]:
    """Monday to Sunday: reports of days could be taken from each other, down to one day."""
    return first - timedelta(days=first.weekday()), last + timedelta(days=6 - last.weekday())


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LONDON)
