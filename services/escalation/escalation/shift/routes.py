"""One shift hands its queue to the next, which takes it by name; until then it is the first's."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from escalation.access import Session, not_found, rules_of
from escalation.announcing import PRODUCER
from escalation.models import CaseFile, Handover
from escalation.queue import authority_of
from escalation.shift.brief import Why, brief_of
from escalation.shift.taking import take_over
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.events.cases import ShiftHandedOver
from shared.outbox import commit, emit
from shared.policy.clocks import next_opening

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
La = Annotated[str | None, Query(pattern=r"^[0-9]{3}$")]
# The hub gives its evening to the emergency duty team, and gets the night back in the morning.
_BETWEEN: Final = {"MASH": ("MASH", "EDT"), "EDT": ("EDT", "MASH")}


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
    id: UUID
    route: str
    to: str
    la: str
    given_at: datetime
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
    viewer = viewer_of(request, who)
    la = authority_of(viewer, route, la)
    now, until = _times(request, la)
    brief = await brief_of(session, viewer, route, la, now, until)
    response.headers["Cache-Control"] = "no-store"
    return BriefView(
        route=route,
        la=la,
        until=until,
        items=[
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
        ],
    )


@router.post("/v1/queues/{route}/hand-over", status_code=201, tags=["queues"])
async def give_shift(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request, session: Session, who: Worker, route: str, body: ToWhom, la: La = None
) -> HandoverView:
    """Offers the queue as it stands to the next shift. Everything stays the giver's until taken."""
    viewer = viewer_of(request, who)
    la = authority_of(viewer, route, la)
    if body.to not in _BETWEEN.get(route, (route,)):
        detail = "A queue goes to its own next shift, or between the hub and its night team."
        raise Problem(422, "not-the-next-shift", detail)
    waiting = await _open(session, route, body.to, la)
    if waiting is None:
        now, until = _times(request, la)
        brief = await brief_of(session, viewer, route, la, now, until)
        waiting = Handover(
            route=route,
            to_route=body.to,
            la=la,
            given_at=now,
            given_by_ref=viewer.ref,
            cases=[str(case_id) for case_id in brief.cases],
        )
        session.add(waiting)
        # COMMIT POINT: after it the next shift is asked for a name; before it nothing is given.
        await commit(session)
    return _shown(waiting, viewer)


@router.get("/v1/handovers", tags=["queues"])
async def read_handovers(
    request: Request, response: Response, session: Session, who: Worker
) -> list[HandoverView]:
    """Those not taken yet, of queues that the reader works."""
    viewer = viewer_of(request, who)
    rows = await session.exec(
        select(Handover).where(col(Handover.taken_at).is_(None)).order_by(col(Handover.id))
    )
    response.headers["Cache-Control"] = "no-store"
    return [_shown(row, viewer) for row in rows if _concerns(row, viewer)]


@router.post("/v1/handovers/{handover_id}/take", tags=["queues"])
async def take_shift(
    request: Request, session: Session, who: Worker, handover_id: UUID
) -> HandoverView:
    """By name: whoever takes it has read it. The same person taking it again changes nothing."""
    viewer, rules = viewer_of(request, who), rules_of(request)
    row = await session.get(Handover, handover_id, with_for_update=True)
    if row is None or not viewer.works(row.to_route, row.la):
        raise not_found()
    if row.taken_by_ref not in (None, viewer.ref):
        raise Problem(409, "taken", "A colleague has taken this shift over already.")
    if row.taken_at is None:
        now = rules.clock.now()
        row.taken_at, row.taken_by_ref = now, viewer.ref
        ids = [UUID(case_id) for case_id in row.cases]
        for case in await _locked(session, ids):
            await take_over(session, case, row, viewer.ref, rules)
        data = ShiftHandedOver(
            handover_id=row.id,
            route=row.route,
            to_route=row.to_route,
            la=row.la,
            given_by_ref=row.given_by_ref,
            taken_by_ref=viewer.ref,
            cases=len(ids),
            at=now,
        )
        emit(session, "shift.handed_over", row.id, data, producer=PRODUCER, at=now)
        # COMMIT POINT: after it the queue is the next shift's; before it still the giver's.
        await commit(session)
        runtime_of(request).doorbell.ring()
    return _shown(row, viewer)


async def _locked(session: Session, ids: list[UUID]) -> list[CaseFile]:
    rows = await session.exec(
        select(CaseFile)
        .where(col(CaseFile.id).in_(ids))
        .order_by(col(CaseFile.id))
        .with_for_update()
    )
    return list(rows)


async def _open(session: Session, route: str, to: str, la: str) -> Handover | None:
    found = select(Handover).where(
        col(Handover.route) == route,
        col(Handover.to_route) == to,
        col(Handover.la) == la,
        col(Handover.taken_at).is_(None),
    )
    return (await session.exec(found)).first()


def _times(request: Request, la: str) -> tuple[datetime, datetime]:
    rules = rules_of(request)
    now = rules.clock.now()
    hours = rules.policy.directory.hub_hours(la)
    return now, next_opening(hours, now) or now


def _concerns(row: Handover, viewer: Viewer) -> bool:
    return viewer.works(row.route, row.la) or viewer.works(row.to_route, row.la)


def _shown(row: Handover, viewer: Viewer) -> HandoverView:
    return HandoverView(
        id=row.id,
        route=row.route,
        to=row.to_route,
        la=row.la,
        given_at=row.given_at,
        cases=len(row.cases),
        mine_to_take=row.taken_at is None and viewer.works(row.to_route, row.la),
        taken_at=row.taken_at,
    )
