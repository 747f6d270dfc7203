"""What the caller owes: what a school's lead, head or chair does, and a person's own duties."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from escalation.access import Session, not_found, rules_of
from escalation.conflicts import Shown, school_tasks, siblings, without_conflict
from escalation.deciding import Rules
from escalation.known_to import sight_of
from escalation.models import CaseFile, Task
from escalation.queue import ORDER, read_place, write_place
from escalation.rows import OwnTaskRow, own_task_row
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires

router = APIRouter()
Owner = Annotated[Principal, Depends(requires("dsl", "deputy_dsl", "head", "chair", "reporter"))]

State = Literal["open", "all"]
Owed = tuple[Task, CaseFile, int]


class TaskPage(BaseModel):
    """next: the address of the next page, absent on the last."""

    items: list[OwnTaskRow]
    next: str | None = None


@router.get("/v1/tasks", tags=["tasks"])
async def read_tasks(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Owner,
    state: State = "open",
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TaskPage:
    """In a queue's order. `state=all` adds what was acknowledged."""
    viewer = viewer_of(request, who)
    found, place = await owed(session, viewer, state, after, limit)
    now = runtime_of(request).clock.now()
    shown = await known_to(session, viewer, rules_of(request), found)
    items = [own_task_row(task, case, n, viewer, now) for task, case, n in shown]
    response.headers["Cache-Control"] = "no-store"
    if place is None:
        return TaskPage(items=items)
    return TaskPage(items=items, next=f"/v1/tasks?state={state}&limit={limit}&after={place}")


async def owed(
    session: AsyncSession, viewer: Viewer, state: State, after: str | None, limit: int
) -> tuple[list[Owed], str | None]:
    """At most `limit` tasks of the viewer's, and the place where the next begin."""
    mine = (
        select(col(Task.id))
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(school_tasks(viewer), without_conflict(viewer), col(Task.state) != "superseded")
        .order_by(*ORDER)
        .limit(limit + 1)
    )
    if state == "open":
        mine = mine.where(col(Task.state) == "open")
    place = read_place(after)
    if place is not None:
        mine = mine.where(tuple_(*ORDER) > tuple_(*place))
    rows = await session.exec(
        _shown(viewer).where(col(Task.id).in_(mine.scalar_subquery())).order_by(*ORDER)
    )
    found = list(rows)
    return found[:limit], write_place(found[limit - 1][0]) if len(found) > limit else None


async def owed_task(session: AsyncSession, viewer: Viewer, task_id: UUID) -> Owed:
    """One of them in whatever state; refused as if there were none where it is not theirs."""
    mine = (
        select(col(Task.id))
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(col(Task.id) == task_id, school_tasks(viewer), without_conflict(viewer))
    )
    rows = await session.exec(_shown(viewer).where(col(Task.id).in_(mine.scalar_subquery())))
    found = rows.one_or_none()
    if found is None:
        raise not_found()
    return found


async def known_to(
    session: AsyncSession, viewer: Viewer, rules: Rules, found: Sequence[Owed]
) -> list[Owed]:
    """To be shown: without what the reader must not learn of other cases."""
    sight = await sight_of(session, viewer, rules, [case for _, case, _ in found])
    return [(sight.task(task), sight.case(case), count) for task, case, count in found]


def _shown(viewer: Viewer) -> Select[Task, CaseFile, int]:
    return select(Task, Shown, siblings(viewer)).join(Shown, col(Shown.id) == col(Task.case_id))
