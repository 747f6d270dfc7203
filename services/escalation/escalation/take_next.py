"""The next case of a queue, taken: two workers who ask at once are given two different ones."""

from collections.abc import Collection
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import ColumnElement, or_
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, own_team_tasks
from escalation.case_view import CaseView, show_case
from escalation.claim import awaits_school, take
from escalation.conflicts import without_conflict
from escalation.models import CaseFile, Task
from escalation.queue import ORDER, Place, authority_of, ids_in_order
from escalation.viewer import Viewer, viewer_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.outbox import rollback

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
LOOKED_AT: Final = 20
# Of a task in the queue: nobody has it, and it does not wait for the school's call.
_FREE: Final[tuple[ColumnElement[bool], ...]] = (
    col(Task.claimed_by_ref).is_(None),
    or_(col(Task.read_only).is_(False), col(Task.state) != "open"),
)


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
    """Locked. What somebody is acting on this moment is passed over, and waited for only where
    nothing else is left: then it may be a clock that has it in hand, and no colleague."""
    for skip in (True, False):
        after: Place | None = None
        while places := await _free_places(session, viewer, route, la, after):
            ids = [task_id for _, _, task_id in places]
            while (case := await _lock_first(session, viewer, ids, skip=skip)) is not None:
                tasks = await own_team_tasks(session, viewer, case.id)
                if any(task.id in ids and task.claimed_by_ref is None for task in tasks):
                    return case
                # Taken since it was looked up. Let go of it: who holds one case waits for no other.
                ids = [task_id for task_id in ids if task_id not in {task.id for task in tasks}]
                await rollback(session)
            after = places[-1]
    return None


async def _free_places(
    session: AsyncSession, viewer: Viewer, route: str, la: str, after: Place | None
) -> list[Place]:
    ids = ids_in_order(viewer, route, la, after, LOOKED_AT, _FREE)
    rows = await session.execute(
        columns(*ORDER).where(col(Task.id).in_(ids)).order_by(*ORDER).limit(LOOKED_AT)
    )
    return [(rank, due_at, task_id) for rank, due_at, task_id in rows]


async def _lock_first(
    session: AsyncSession, viewer: Viewer, ids: Collection[UUID], *, skip: bool
) -> CaseFile | None:
    """Of the tasks' cases the first in the queue's order."""
    first = (
        select(CaseFile)
        .join(Task, col(Task.case_id) == col(CaseFile.id))
        .where(
            col(Task.id).in_(ids), col(Task.closed_at).is_(None), *_FREE, without_conflict(viewer)
        )
        .order_by(*ORDER)
        .limit(1)
        .with_for_update(of=CaseFile, skip_locked=skip)
    )
    return (await session.exec(first)).first()
