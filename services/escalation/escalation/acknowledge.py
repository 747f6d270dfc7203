"""A named person says that a task is done, with the reference they were given."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import or_
from sqlmodel import col, select

from escalation.access import Session, not_found, rules_of
from escalation.announcing import tell_task_acknowledged
from escalation.clearing import cancel_timers
from escalation.conflicts import school_tasks, team_tasks, without_conflict
from escalation.deciding import lock_case
from escalation.erasing import forget_reporter
from escalation.history import remember
from escalation.models import CaseFile, Task
from escalation.preconditions import IfMatch, etag, expect
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.outbox import commit

router = APIRouter()
# Whoever may owe a task; never a mis client: software did not ring anybody.
Owner = Annotated[
    Principal,
    Depends(requires("worker", "manager", "dsl", "deputy_dsl", "head", "chair", "reporter")),
]
_FIRST_LOOKS = ("unconfirmed", "unclaimed", "call_back")
# What a decision ends: what the rules asked of a team, and what a night team began.
DECIDED = ("duty", "handover")


class Acknowledgement(BaseModel):
    """reference: the number the police, hub or service gave. told_at: only where a lead records
    that the person whose duty it is has reported, and told the lead so at that time."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reference: str | None = Field(default=None, min_length=1, max_length=80)
    told_at: AwareDatetime | None = None


class Acknowledged(BaseModel):
    task_id: UUID
    case_id: UUID
    route: str
    state: str
    reference: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    told_at: datetime | None
    told_by: str | None
    version: int


@router.post("/v1/tasks/{task_id}/acknowledge", tags=["tasks"])
async def acknowledge_task(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Owner,
    task_id: UUID,
    body: Acknowledgement,
    if_match: IfMatch = None,
) -> Acknowledged:
    """Who did it comes from the token. The same person's same acknowledgement again changes
    nothing and is answered the same."""
    viewer = viewer_of(request, who)
    task = await acknowledge(request, session, viewer, task_id, body, if_match)
    response.headers["ETag"] = etag(task.version)
    return _shown(task)


async def acknowledge(  # noqa: PLR0917 - the parts of one transaction
    request: Request,
    session: Session,
    viewer: Viewer,
    task_id: UUID,
    body: Acknowledgement,
    if_match: str | None,
) -> Task:
    """The viewer says it of a task that they owe or work; the task as it stands then."""
    task, case = await _reach(session, viewer, task_id)
    if not _is_repeat(task, body, viewer):
        _check(task, body, viewer, runtime_of(request).clock.now())
        expect(task.version, if_match)
        await _record(request, session, task, case, body, viewer)
    return task


async def _reach(session: Session, viewer: Viewer, task_id: UUID) -> tuple[Task, CaseFile]:
    of = (
        select(Task.case_id)
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(
            col(Task.id) == task_id,
            without_conflict(viewer),
            or_(team_tasks(viewer), school_tasks(viewer)),
        )
    )
    case_id = (await session.exec(of)).one_or_none()
    case = await lock_case(session, case_id) if case_id else None
    task = await session.get(Task, task_id, with_for_update=True) if case else None
    if case is None or task is None:
        raise not_found()
    return task, case


def _is_repeat(task: Task, body: Acknowledgement, viewer: Viewer) -> bool:
    if body.told_at is not None:
        mine = task.told_by_ref == viewer.ref and task.told_at == body.told_at
    else:
        mine = task.acknowledged_by_ref == viewer.ref
    return mine and task.reference == body.reference


def _check(task: Task, body: Acknowledgement, viewer: Viewer, now: datetime) -> None:
    if task.state in ("done", "superseded"):
        detail = "This task has ended. Look at the case for the one that took its place."
        raise Problem(409, "task-ended", detail, state=task.state)
    if task.acknowledged_at is not None:
        detail = "Somebody has acknowledged this already. Look at it again."
        raise Problem(409, "already-acknowledged", detail, state=task.state)
    if task.kind == "information" and task.owner_role != "team":
        detail = "The hub has asked something. Answer it: to have seen the question is no answer."
        raise Problem(409, "answer-needed", detail)
    if task.read_only and viewer.works(task.route, task.la):
        detail = "This awaits the school's own call; only the school can say that it was made."
        raise Problem(409, "awaits-school", detail)
    if needs_reference(task) and body.reference is None:
        detail = "Give the reference number of the call; without one this cannot be closed."
        raise Problem(422, "reference-needed", detail)
    personal = is_personal(task)
    if personal and task.owner_ref != viewer.ref and body.told_at is None:
        detail = "The duty is personal. If that person told you they reported, say when: told_at."
        raise Problem(422, "personal-duty", detail)
    if body.told_at is not None and (not personal or task.owner_ref == viewer.ref):
        detail = "told_at is for a lead who was told; leave it out of your own acknowledgement."
        raise Problem(422, "not-told", detail)
    if body.told_at is not None and body.told_at > now:
        detail = "told_at is still to come. Say when that person told you, which is before now."
        raise Problem(422, "not-yet", detail)


def is_personal(task: Task) -> bool:
    return task.owner_ref is not None or task.owner_role == "reporter"


def needs_reference(task: Task) -> bool:
    """A message is not a report: a call or a personal duty is closed by its reference alone."""
    return task.owner_role == "reporter" or is_a_call(task.channel, task.route)


def is_a_call(channel: str, route: str) -> bool:
    return channel == "PHONE_ONLY" or route.startswith("POLICE_")


async def _record(  # noqa: PLR0917 - the parts of one transaction
    request: Request,
    session: Session,
    task: Task,
    case: CaseFile,
    body: Acknowledgement,
    viewer: Viewer,
) -> None:
    now = runtime_of(request).clock.now()
    task.reference = body.reference
    if body.told_at is not None:
        task.state, task.told_at, task.told_by_ref = "told", body.told_at, viewer.ref
    else:
        task.state, task.acknowledged_at = "acknowledged", now
        task.acknowledged_by_ref = viewer.ref
    goes_on = _goes_on(task, awaited=rules_of(request).watched("MASH", case.la))
    if not goes_on:
        task.closed_at = now
    task.version += 1
    case.version += 1
    await cancel_timers(session, [task.id], _FIRST_LOOKS if goes_on else None, but=("unanswered",))
    await forget_reporter(session, case)
    kind = "told" if body.told_at else "acknowledged"
    remember(session, case.id, kind, now, actor_ref=viewer.ref, route=task.route)
    tell_task_acknowledged(session, task, now, viewer.ref)
    # COMMIT POINT: after it nobody is chased for this again; before it everybody still is.
    await commit(session)
    runtime_of(request).doorbell.ring()


def _goes_on(task: Task, *, awaited: bool) -> bool:
    """The queue's own work goes on until it is decided; so does what the hub still waits to decide.
    A chase and a disagreement go on until the hub has decided, or it is settled: that somebody has
    rung is no answer, and their next step comes by itself.

    awaited: the hub decides here. Of any other only the school can say what it answered.
    """
    if task.read_only or task.kind == "disagreement":
        return True
    if task.kind == "chase":
        return awaited
    return task.owner_role == "team" and task.kind in DECIDED


def _shown(task: Task) -> Acknowledged:
    return Acknowledged(
        task_id=task.id,
        case_id=task.case_id,
        route=task.route,
        state=task.state,
        reference=task.reference,
        acknowledged_at=task.acknowledged_at,
        acknowledged_by=task.acknowledged_by_ref,
        told_at=task.told_at,
        told_by=task.told_by_ref,
        version=task.version,
    )
