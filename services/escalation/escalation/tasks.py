"""What the caller owes: what a school's lead, head or chair does, and a person's own duties."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import tuple_
from sqlmodel import col, select

from escalation.access import Session
from escalation.conflicts import Shown, school_tasks, siblings, without_conflict
from escalation.models import CaseFile, Task
from escalation.queue import ORDER, read_place, write_place
from escalation.rows import OwnTaskRow, own_task_row
from escalation.viewer import viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires

router = APIRouter()
Owner = Annotated[Principal, Depends(requires("dsl", "deputy_dsl", "head", "chair", "reporter"))]


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
    state: Literal["open", "all"] = "open",
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> TaskPage:
    """In a queue's order. `state=all` adds what was acknowledged."""
    viewer = viewer_of(request, who)
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
        select(Task, Shown, siblings(viewer))
        .join(Shown, col(Shown.id) == col(Task.case_id))
        .where(col(Task.id).in_(mine.scalar_subquery()))
        .order_by(*ORDER)
    )
    found = list(rows)
    now = runtime_of(request).clock.now()
    items = [own_task_row(task, case, n, viewer, now) for task, case, n in found[:limit]]
    response.headers["Cache-Control"] = "no-store"
    if len(found) <= limit:
        return TaskPage(items=items)
    place_after = write_place(found[limit - 1][0])
    return TaskPage(items=items, next=f"/v1/tasks?state={state}&limit={limit}&after={place_after}")
