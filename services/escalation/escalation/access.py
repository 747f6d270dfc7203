"""Brings a case or task to whoever may have it, and is as silent about others as about none."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.conflicts import may_open
from escalation.deciding import Rules
from escalation.models import CaseFile, Task
from escalation.viewer import Viewer
from shared.app import open_session
from shared.errors import Problem

Session = Annotated[AsyncSession, Depends(open_session)]


def rules_of(request: Request) -> Rules:
    rules: Rules = request.app.state.rules
    return rules


def not_found() -> Problem:
    detail = "There is nothing at this address, or you may not know of it."
    return Problem(404, "not-found", detail)


async def reach_case(
    session: AsyncSession, viewer: Viewer, case_id: UUID, *, lock: bool = False
) -> CaseFile:
    statement = select(CaseFile).where(col(CaseFile.id) == case_id, may_open(viewer))
    if lock:
        statement = statement.with_for_update(of=CaseFile)
    case = (await session.exec(statement)).one_or_none()
    if case is None:
        raise not_found()
    return case


async def own_team_tasks(session: AsyncSession, viewer: Viewer, case_id: UUID) -> list[Task]:
    """The unfinished tasks of the case in queues that the viewer works, locked."""
    rows = await session.exec(
        select(Task)
        .where(col(Task.case_id) == case_id, col(Task.closed_at).is_(None))
        .order_by(col(Task.id))
        .with_for_update()
    )
    return [task for task in rows if viewer.works(task.route, task.la)]
