"""A shift's brief and its handover over REST."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from escalation.access import Session, not_found, rules_of
from escalation.deciding import Rules
from escalation.queue import authority_of
from escalation.shift.brief import Brief, Why, brief_of
from escalation.shift.giving import give, known_cases, take
from escalation.shift.models import Handover
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.policy.clocks import LONDON, next_opening

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
La = Annotated[str | None, Query(pattern=r"^[0-9]{3}$")]


class BriefItem(BaseModel):
    task_id: UUID
    case_id: UUID
    priority: str
    rating: str | None
    by: datetime | None
    claimed: bool
    why: list[Why]


class BriefView(BaseModel):
    """until: the hub's next opening. items: the queue's unfinished tasks, in its order."""

    route: str
    la: str
    until: datetime
    items: list[BriefItem]


class ToWhom(BaseModel):
    """to: the queue whose shift comes next; the same, or between the hub and its night team."""

    model_config = ConfigDict(extra="forbid")

    to: str


class HandoverView(BaseModel):
    """cases: how many of them the reader may know of. late_from: when it is told as an alarm."""

    id: UUID
    route: str
    to: str
    la: str
    given_at: datetime
    late_from: datetime
    cases: int
    mine_to_take: bool
    taken_at: datetime | None


@router.get("/v1/queues/{route}/brief", tags=["queues"])
async def read_brief(  # noqa: PLR0917 - one parameter for each part of the question
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    route: str,
    la: La = None,
) -> BriefView:
    """What the next shift must know, as it stands now."""
    viewer, rules = viewer_of(request, who), rules_of(request)
    la = authority_of(viewer, route, la)
    now, until = times_of(rules, la)
    response.headers["Cache-Control"] = "no-store"
    return _brief(await brief_of(session, viewer, route, la, now, until))


@router.post("/v1/queues/{route}/hand-over", status_code=201, tags=["queues"])
async def give_shift(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request, session: Session, who: Worker, route: str, body: ToWhom, la: La = None
) -> HandoverView:
    """Offers the queue as it stands to the next shift. Everything stays the giver's until taken."""
    viewer, rules, runtime = viewer_of(request, who), rules_of(request), runtime_of(request)
    la = authority_of(viewer, route, la)
    row = await give(session, runtime, rules, viewer, who.subject, (route, body.to, la))
    known = await known_cases(session, viewer, [row])
    return _shown(row, viewer, known.get(row.id, []))


@router.get("/v1/handovers", tags=["queues"])
async def read_handovers(
    request: Request, response: Response, session: Session, who: Worker
) -> list[HandoverView]:
    """Those not taken yet, of queues that the reader works."""
    viewer = viewer_of(request, who)
    rows = await waiting(session, viewer)
    response.headers["Cache-Control"] = "no-store"
    return [_shown(row, viewer, known) for row, known in rows]


@router.get("/v1/handovers/{handover_id}/brief", tags=["queues"])
async def read_given(
    request: Request, response: Response, session: Session, who: Worker, handover_id: UUID
) -> BriefView:
    """What is unfinished now of what was given, for the shift that gives and the one that takes."""
    viewer = viewer_of(request, who)
    row = await session.get(Handover, handover_id)
    known = await known_cases(session, viewer, [row]) if row else {}
    if row is None or row.id not in known:
        raise not_found()
    response.headers["Cache-Control"] = "no-store"
    return _brief(await given_brief(session, viewer, rules_of(request), row, known[row.id]))


@router.post("/v1/handovers/{handover_id}/take", tags=["queues"])
async def take_shift(
    request: Request, session: Session, who: Worker, handover_id: UUID
) -> HandoverView:
    """By name: whoever takes it has read it. The same person taking it again changes nothing."""
    viewer, rules, runtime = viewer_of(request, who), rules_of(request), runtime_of(request)
    row = await take(session, runtime, rules, viewer, who.subject, handover_id)
    known = await known_cases(session, viewer, [row])
    return _shown(row, viewer, known.get(row.id, []))


async def waiting(session: Session, viewer: Viewer) -> list[tuple[Handover, list[UUID]]]:
    """Each with its cases that the reader may know of."""
    rows = await session.exec(
        select(Handover).where(col(Handover.taken_at).is_(None)).order_by(col(Handover.id))
    )
    found = rows.all()
    known = await known_cases(session, viewer, found)
    return [(row, known[row.id]) for row in found if row.id in known]


async def given_brief(
    session: Session, viewer: Viewer, rules: Rules, row: Handover, cases: list[UUID]
) -> Brief:
    now, until = times_of(rules, row.la)
    return await brief_of(session, viewer, row.route, row.la, now, until, cases)


def times_of(rules: Rules, la: str) -> tuple[datetime, datetime]:
    """Now, and the hub's next opening: its next but one while it is open."""
    now = rules.clock.now()
    hours = rules.policy.directory.hub_hours(la)
    opens = next_opening(hours, now)
    if opens is None:  # it is open: what expires before it opens again is to be spoken of
        closes = datetime.combine(now.astimezone(LONDON).date(), hours.closes, LONDON)
        opens = next_opening(hours, closes) or now
    return now, opens


def _brief(brief: Brief) -> BriefView:
    items = [
        BriefItem(
            task_id=one.task_id,
            case_id=one.case_id,
            priority=one.priority,
            rating=one.rating,
            by=one.by,
            claimed=one.claimed_by_ref is not None,
            why=list(one.why),
        )
        for one in brief.items
    ]
    return BriefView(route=brief.route, la=brief.la, until=brief.until, items=items)


def _shown(row: Handover, viewer: Viewer, known: list[UUID]) -> HandoverView:
    return HandoverView(
        id=row.id,
        route=row.route,
        to=row.to_route,
        la=row.la,
        given_at=row.given_at,
        late_from=row.due_at,
        cases=len(known),
        mine_to_take=row.taken_at is None and viewer.works(row.to_route, row.la),
        taken_at=row.taken_at,
    )
