"""A named person puts a task's reminders off, with a reason; a hard limit is never put off."""

from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, func, update
from sqlalchemy import case as case_when
from sqlmodel import col

from escalation.access import Session, not_found, own_team_tasks, reach_case
from escalation.announcing import PRODUCER
from escalation.case_view import CaseView, show_case
from escalation.history import remember
from escalation.models import Task, Timer
from escalation.notes import seal_note
from escalation.preconditions import IfMatch, expect
from escalation.viewer import viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.events.cases import TaskPaused
from shared.outbox import commit, emit

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
AT_MOST: Final = timedelta(days=7)
# What may wait. Nobody puts off a 999 call, a call about a child's safety, or a hard limit; nor
# what a school is owed when its hub is silent, or a duty is late.
_MAY_WAIT: Final = ("unclaimed", "reminder", "overdue")


class Pause(BaseModel):
    """until: within seven days, and not past the hard limit. reason: kept sealed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    until: AwareDatetime
    reason: Annotated[str, Field(min_length=1, max_length=4000)]


@router.post("/v1/cases/{case_id}/tasks/{task_id}/pause", tags=["cases"])
async def pause_task(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    task_id: UUID,
    body: Pause,
    if_match: IfMatch = None,
) -> CaseView:
    """Moves the task's reminders to `until`; its deadline stays as it is, and is shown so."""
    viewer, runtime = viewer_of(request, who), runtime_of(request)
    case = await reach_case(session, viewer, case_id, lock=True)
    mine = await own_team_tasks(session, viewer, case_id)
    task = next((task for task in mine if task.id == task_id), None)
    if task is None:
        raise not_found()
    now = runtime.clock.now()
    _check(task, body, now)
    expect(case.version, if_match)
    waiting = update(Timer).where(col(Timer.task_id) == task_id, col(Timer.kind).in_(_MAY_WAIT))
    await session.exec(waiting.values(due_at=_put_off(task, body.until)))
    task.paused_until = body.until
    task.version += 1
    case.version += 1
    note = seal_note(runtime.sealer, case, body.reason)
    remember(
        session,
        case.id,
        "paused",
        now,
        actor_ref=viewer.ref,
        sealed_note=note.sealed,
        route=task.route,
        until=body.until.isoformat(),
    )
    data = TaskPaused(
        task_id=task.id,
        case_id=case.id,
        at=now,
        until=body.until,
        actor_ref=viewer.ref,
        note_commitment=note.commitment,
    )
    emit(session, "task.paused", case.id, data, producer=PRODUCER, at=now)
    # COMMIT POINT: after it nobody is reminded until then; before it everybody is.
    await commit(session)
    runtime.doorbell.ring()
    return await show_case(request, response, session, viewer, case)


def _put_off(task: Task, until: datetime) -> ColumnElement[datetime]:
    """A shorter pause brings back what the longer one had put off."""
    later = func.greatest(col(Timer.due_at), until)
    return case_when((col(Timer.due_at) == task.paused_until, until), else_=later)


def _check(task: Task, body: Pause, now: AwareDatetime) -> None:
    if task.priority == "P0":
        raise Problem(409, "never-paused", "A matter of life and death is never put off.")
    latest = min(now + AT_MOST, task.hard_by or now + AT_MOST)
    if not now < body.until <= latest:
        detail = "Put it off to a time from now within seven days, before the task's hard limit."
        raise Problem(422, "pause-too-long", detail)
