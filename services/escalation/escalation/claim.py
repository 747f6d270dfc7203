"""A worker takes a case for their team, or gives it back."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, own_team_tasks, reach_case, rules_of
from escalation.announcing import PRODUCER
from escalation.case_view import CaseView, show_case
from escalation.clearing import cancel_timers
from escalation.deciding import Rules
from escalation.history import remember
from escalation.models import CaseFile, Task
from escalation.preconditions import IfMatch, expect
from escalation.schedule import first_look
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.events.cases import CaseClaimed
from shared.outbox import commit, emit

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]


@router.post("/v1/cases/{case_id}/claim", tags=["cases"])
async def claim_case(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    if_match: IfMatch = None,
) -> CaseView:
    """Takes the case's tasks in the queues that the caller works; again is answered the same.

    What a colleague has is theirs until they offer it.
    """
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    tasks = [t for t in await own_team_tasks(session, viewer, case_id) if not awaits_school(t)]
    if not tasks:
        raise Problem(409, "nothing-to-claim", "No task of yours in this case can be claimed now.")
    held = [task for task in tasks if not free(task, viewer)]
    # A clock that a colleague has from earlier stays theirs, and is in nobody's way.
    in_the_way = held == tasks or any(task.kind != "clock" for task in held)
    if in_the_way or any(task.claimed_by_ref != viewer.ref for task in tasks if task not in held):
        expect(case.version, if_match)
        if in_the_way:
            raise Problem(409, "claimed", "A colleague has this case. Ask them to release it.")
        await take(request, session, viewer, case, tasks)
    return await show_case(request, response, session, viewer, case)


@router.post("/v1/cases/{case_id}/release", tags=["cases"])
async def release_case(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    if_match: IfMatch = None,
) -> CaseView:
    """Gives back what the caller has; a manager of the queue gives back what anybody has."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    tasks = [
        task
        for task in await own_team_tasks(session, viewer, case_id)
        if task.claimed_by_ref == viewer.ref
        or (task.claimed_by_ref and who.holds("manager", route=task.route, la=task.la))
    ]
    if tasks:
        expect(case.version, if_match)
        await _give_back(request, session, viewer, case, tasks)
    return await show_case(request, response, session, viewer, case)


def free(task: Task, viewer: Viewer) -> bool:
    """What a colleague has is theirs until they offer it, or a manager gives it back."""
    return task.claimed_by_ref in (None, viewer.ref) or task.offered_to_ref == viewer.ref


def awaits_school(task: Task) -> bool:
    return task.read_only and task.state == "open"


async def take(
    request: Request, session: Session, viewer: Viewer, case: CaseFile, tasks: list[Task]
) -> None:
    """Of the tasks those that are free."""
    now = runtime_of(request).clock.now()
    tasks = [task for task in tasks if free(task, viewer)]
    for task in tasks:
        task.claimed_by_ref, task.claimed_at, task.offered_to_ref = viewer.ref, now, None
        # A task of an authority nobody knows is now that of whoever took it.
        task.la = task.la or next((la for r, la in viewer.teams if r == task.route and la), None)
        case.la = case.la or task.la
        task.version += 1
    await cancel_timers(session, [task.id for task in tasks], ["unclaimed"])
    await _tell(request, session, viewer, case, released=False)


async def _give_back(
    request: Request, session: Session, viewer: Viewer, case: CaseFile, tasks: list[Task]
) -> None:
    await set_free(session, case, tasks, rules_of(request))
    await _tell(request, session, viewer, case, released=True)


async def set_free(
    session: AsyncSession, case: CaseFile, tasks: Sequence[Task], rules: Rules
) -> None:
    """Nobody has them now; the edge tells of it and commits."""
    # A clock that went on while it was claimed must not run twice from here on.
    await cancel_timers(session, [task.id for task in tasks], ["unconfirmed", "unclaimed"])
    for task in tasks:
        task.claimed_by_ref = task.claimed_at = task.offered_to_ref = None
        task.version += 1
        settings = rules.policy.settings(task.la or case.la)
        session.add_all(first_look(task, settings, rules.clock.now()))


async def _tell(
    request: Request, session: Session, viewer: Viewer, case: CaseFile, *, released: bool
) -> None:
    """COMMIT POINT: a crash after it changes nothing, the relay finds the event."""
    now = runtime_of(request).clock.now()
    case.version += 1
    remember(session, case.id, "released" if released else "claimed", now, actor_ref=viewer.ref)
    data = CaseClaimed(case_id=case.id, at=now, actor_ref=viewer.ref, released=released)
    emit(session, "case.claimed", case.id, data, producer=PRODUCER, at=now)
    await commit(session)
    runtime_of(request).doorbell.ring()
