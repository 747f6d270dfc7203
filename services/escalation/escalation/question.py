"""Opens the hub's question to whoever owes its answer, who may know nothing else of the details.

Where every lead is in conflict the head, the chair or whoever reported it stands in for them.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlmodel import col, select

from escalation.access import Session, not_found
from escalation.details import Note, opened_notes
from escalation.models import CaseEvent
from escalation.tasks import owed_task
from escalation.viewer import viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires

router = APIRouter()
Owner = Annotated[Principal, Depends(requires("dsl", "deputy_dsl", "head", "chair", "reporter"))]


class Asked(BaseModel):
    """notes: the question and, once it is given, its answer."""

    task_id: UUID
    case_id: UUID
    notes: list[Note]


@router.get("/v1/tasks/{task_id}/question", tags=["tasks"])
async def read_question(
    request: Request, response: Response, session: Session, who: Owner, task_id: UUID
) -> Asked:
    """What the hub asks with this task. That it was read, and by whom, is in the audit log."""
    viewer = viewer_of(request, who)
    task, _, _ = await owed_task(session, viewer, task_id)
    if task.kind != "information":
        raise not_found()
    sealed = await session.exec(
        select(CaseEvent)
        .where(
            col(CaseEvent.case_id) == task.case_id,
            col(CaseEvent.sealed_note).is_not(None),
            col(CaseEvent.detail)["task_id"].astext == str(task_id),
        )
        .order_by(col(CaseEvent.id))
    )
    notes, case_id = sealed.all(), task.case_id
    shown = await opened_notes(session, runtime_of(request), viewer, notes, case_id, "question")
    response.headers["Cache-Control"] = "no-store"
    return Asked(task_id=task_id, case_id=case_id, notes=shown)
