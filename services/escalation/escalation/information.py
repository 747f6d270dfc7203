"""A hub asks the school's lead for information, and is told; both are kept sealed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from escalation.access import Session, not_found, own_team_tasks, reach_case, rules_of
from escalation.announcing import tell_task_acknowledged
from escalation.case_view import CaseView, show_case
from escalation.clearing import cancel_timers
from escalation.conflicts import school_tasks, without_conflict
from escalation.deciding import lock_case
from escalation.follow_up import FollowUp, open_follow_up
from escalation.models import CaseFile, Task
from escalation.notes import seal_note, tell_note
from escalation.preconditions import IfMatch, expect
from escalation.viewer import viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.outbox import commit
from shared.policy.clocks import ClockSpec, due

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
# Who reported it stands in where no lead may know of the case.
School = Annotated[Principal, Depends(requires("dsl", "deputy_dsl", "head", "chair", "reporter"))]
Words = Annotated[str, Field(min_length=1, max_length=4000)]
_BECAUSE = {
    "rule": "R-GEN-08",
    "title": "The hub asks what it needs to know to decide",
    "cite": "Norfolk Safeguarding Children Partnership, making a referral",
    "facts": {},
}


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    question: Words


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    answer: Words


@router.post("/v1/cases/{case_id}/ask", tags=["cases"])
async def ask_school(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: Question,
    if_match: IfMatch = None,
) -> CaseView:
    """Gives the school's lead a task, due by the end of the next working day. It pauses nothing."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    if not await own_team_tasks(session, viewer, case_id):
        raise Problem(409, "nothing-of-yours", "You have no unfinished task in this case.")
    if case.urn is None:
        detail = "No school is known of this concern, so nobody could be asked. Find out which."
        raise Problem(409, "no-school", detail)
    expect(case.version, if_match)
    rules, runtime = rules_of(request), runtime_of(request)
    now = rules.clock.now()
    asked = FollowUp(
        kind="information",
        route="DSL",
        la=None,
        priority=max(case.priority, "P1"),
        script="The hub asks for information. Its question is kept sealed: open it with the task.",
        because=_BECAUSE,
        by=due(ClockSpec("CLOSE_NEXT_WD"), now, None),
    )
    task = await open_follow_up(session, case, asked, rules)
    case.version += 1
    note = seal_note(runtime.sealer, case, body.question)
    tell_note(session, case, "question", now, viewer.ref, note, task_id=task.id)
    # COMMIT POINT: after it the lead is asked; before it nobody is.
    await commit(session)
    runtime.doorbell.ring()
    return await show_case(request, response, session, viewer, case)


@router.post("/v1/tasks/{task_id}/answer", status_code=204, tags=["tasks"])
async def answer_hub(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    session: Session,
    who: School,
    task_id: UUID,
    body: Answer,
    if_match: IfMatch = None,
) -> None:
    """Ends the task. New facts belong in an amendment of the concern, which decides anew."""
    viewer, runtime = viewer_of(request, who), runtime_of(request)
    of = (
        select(Task.case_id)
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(
            col(Task.id) == task_id,
            col(Task.kind) == "information",
            without_conflict(viewer),
            school_tasks(viewer),
        )
    )
    case_id = (await session.exec(of)).one_or_none()
    case = await lock_case(session, case_id) if case_id else None
    task = await session.get(Task, task_id, with_for_update=True) if case else None
    if case is None or task is None:
        raise not_found()
    if task.closed_at is not None:
        raise Problem(409, "task-ended", "This was answered already.", state=task.state)
    expect(task.version, if_match)
    now = runtime.clock.now()
    task.state, task.closed_at = "acknowledged", now
    task.acknowledged_at, task.acknowledged_by_ref = now, viewer.ref
    task.version += 1
    case.version += 1
    await cancel_timers(session, [task.id])
    note = seal_note(runtime.sealer, case, body.answer)
    tell_note(session, case, "answer", now, viewer.ref, note, task_id=task.id)
    tell_task_acknowledged(session, task, now, viewer.ref)
    # COMMIT POINT: after it the hub has the answer; before it the lead is still asked.
    await commit(session)
    runtime.doorbell.ring()
