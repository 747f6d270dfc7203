"""The next case of a queue, taken: two workers who ask at once are given two different ones."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, own_team_tasks, reach_case
from escalation.case_view import CaseView, show_case
from escalation.claim import awaits_school, take
from escalation.conflicts import without_conflict
from escalation.models import CaseFile, Task
from escalation.queue import ORDER, authority_of
from escalation.viewer import Viewer, viewer_of
from shared.auth import Principal, requires
from shared.errors import Problem

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]


@router.post("/v1/queues/{route}/take", tags=["queues"])
async def take_next(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    route: str,
    la: Annotated[str | None, Query(pattern=r"^[0-9]{3}$")] = None,
) -> CaseView:
    """The first case in the queue's order that nobody has and nobody is taking, with all of the
    caller's tasks in it."""
    viewer = viewer_of(request, who)
    case = await next_unclaimed(session, viewer, route, authority_of(viewer, route, la))
    if case is None:
        detail = "Everything in this queue is taken, or waits for a school's call."
        raise Problem(404, "queue-taken", detail)
    tasks = await own_team_tasks(session, viewer, case.id)
    await take(request, session, viewer, case, [t for t in tasks if not awaits_school(t)])
    return await show_case(request, response, session, viewer, case)


async def next_unclaimed(
    session: AsyncSession, viewer: Viewer, route: str, la: str
) -> CaseFile | None:
    """Locked. A case that somebody is acting on this moment is passed over."""
    first = (
        select(CaseFile)
        .join(Task, col(Task.case_id) == col(CaseFile.id))
        .where(
            col(Task.route) == route,
            or_(col(Task.la) == la, col(Task.la).is_(None)),
            col(Task.closed_at).is_(None),
            col(Task.kind) != "clock",
            col(Task.claimed_by_ref).is_(None),
            or_(col(Task.read_only).is_(False), col(Task.state) != "open"),
            without_conflict(viewer),
        )
        .order_by(*ORDER)
        .limit(1)
        .with_for_update(of=[CaseFile, Task], skip_locked=True)
    )
    case = (await session.exec(first)).first()
    return await reach_case(session, viewer, case.id) if case is not None else None
