"""The queue of one route in one authority: what to take up next."""

import base64
import json
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import product
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, and_, tuple_, union_all
from sqlalchemy import Select as ColumnsSelect
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import Select

from escalation.access import Session
from escalation.conflicts import Shown, siblings, without_conflict
from escalation.models import CaseFile, Task
from escalation.ranking import RANKS
from escalation.rows import TaskRow, task_row
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
ORDER = (col(Task.rank), col(Task.due_at), col(Task.id))
Place = tuple[int, datetime, UUID]


class QueuePage(BaseModel):
    """next: the address of the next page, absent on the last."""

    items: list[TaskRow]
    next: str | None = None


@router.get("/v1/queues/{route}", tags=["queues"])
async def read_queue(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    route: str,
    la: Annotated[str | None, Query(pattern=r"^[0-9]{3}$")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> QueuePage:
    """Unfinished tasks: what must be read by hand first, then by priority, then by deadline.

    Legal clocks that only run are in their case, not here.
    """
    viewer, now = viewer_of(request, who), runtime_of(request).clock.now()
    la = authority_of(viewer, route, la)
    items, place = await queue_page(session, viewer, route, la, after, limit, now)
    response.headers["Cache-Control"] = "no-store"
    if place is None:
        return QueuePage(items=items)
    return QueuePage(items=items, next=f"/v1/queues/{route}?la={la}&limit={limit}&after={place}")


async def queue_page(  # noqa: PLR0917 - one parameter for each part of the question
    session: AsyncSession,
    viewer: Viewer,
    route: str,
    la: str,
    after: str | None,
    limit: int,
    now: datetime,
) -> tuple[list[TaskRow], str | None]:
    """At most `limit` rows of a queue that the viewer works, and the place where the next begin."""
    la = authority_of(viewer, route, la)
    found = list(await session.exec(_page(viewer, route, la, read_place(after), limit + 1)))
    items = [task_row(task, case, n, viewer, now) for task, case, n in found[:limit]]
    return items, write_place(found[limit - 1][0]) if len(found) > limit else None


def authority_of(viewer: Viewer, route: str, asked: str | None) -> str:
    mine = {la for of, la in viewer.teams if of == route}
    if not mine:
        raise forbidden()
    if asked is None and len(mine) == 1 and None not in mine:
        asked = mine.pop()
    if asked is None:
        raise Problem(422, "la-needed", "Name the authority whose queue you want: ?la=886.")
    if not viewer.works(route, asked):
        raise forbidden()
    return asked


def _page(
    viewer: Viewer, route: str, la: str, after: Place | None, limit: int
) -> Select[Task, CaseFile, int]:
    return (
        select(Task, Shown, siblings(viewer))
        .join(Shown, col(Shown.id) == col(Task.case_id))
        .where(col(Task.id).in_(ids_in_order(viewer, route, la, after, limit)))
        .order_by(*ORDER)
        .limit(limit)
    )


def ids_in_order(  # noqa: PLR0917 - one parameter for each part of the question
    viewer: Viewer,
    route: str,
    la: str,
    after: Place | None,
    limit: int,
    only: Collection[ColumnElement[bool]] = (),
    ranks: Collection[int] = (),
) -> ColumnsSelect[tuple[UUID]]:
    """Ids among which the next `limit` tasks are, found by short walks along one index: for the
    authority, and for what belongs to none yet.

    only: what else must hold of a task. ranks: walks each rank apart, for an `only` that holds at
    the beginning of each.
    """
    arms = []
    mine = (col(Task.la) == la, col(Task.la).is_(None))
    for of_authority, rank in product(mine, ranks or (None,)):
        arm = (
            columns(*ORDER)
            .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
            .where(in_queue(route), of_authority, without_conflict(viewer), *only)
            .order_by(*ORDER)
            .limit(limit)
        )
        if rank is not None:
            arm = arm.where(col(Task.rank) == rank)
        arms.append(arm if after is None else arm.where(tuple_(*ORDER) > tuple_(*after)))
    ids = union_all(*(columns(arm.subquery().c.id) for arm in arms)).subquery()
    return columns(ids.c.id)


def in_queue(route: str) -> ColumnElement[bool]:
    """Unfinished tasks; legal clocks that only run are in their case."""
    return and_(col(Task.route) == route, col(Task.closed_at).is_(None), col(Task.kind) != "clock")


def write_place(task: Task) -> str:
    return write_place_of((task.rank, task.due_at, task.id))


def write_place_of(place: Place) -> str:
    rank, due_at, task_id = place
    written = json.dumps([rank, due_at.isoformat(), str(task_id)])
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def read_place(after: str | None) -> Place | None:
    if after is None:
        return None
    try:
        rank, due_at, task_id = json.loads(
            base64.urlsafe_b64decode(after + "=" * (-len(after) % 4))
        )
        instant = datetime.fromisoformat(due_at)
        if rank not in RANKS or instant.tzinfo is None:
            raise ValueError
        return int(rank), instant.astimezone(UTC), UUID(task_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        detail = "Use `after` only as it was given to you in `next`."
        raise Problem(422, "place-not-valid", detail) from None
