"""Something has happened in a case that starts a legal clock, or ends one: each is kept as a task.

The duties are the packs' (`duties`): the assessment ends within 45 working days of the referral,
the conference meets within 15 of the strategy discussion, a file follows the child in five school
days. Somebody answers for each, is reminded before its end, and asked what the pack says after it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, reach_case, rules_of
from escalation.announcing import PRODUCER
from escalation.case_view import CaseView, show_case
from escalation.deciding import Rules, lock_case
from escalation.follow_up import FollowUp, because_of, follow_ups, open_follow_up
from escalation.fulfilling import end_clocks
from escalation.history import remember
from escalation.models import CaseEvent, CaseFile, Task, Timer
from escalation.preconditions import IfMatch, expect
from escalation.reopening import HUBS
from escalation.viewer import LEADS, Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem
from shared.events.cases import CaseMilestone
from shared.outbox import commit, emit
from shared.policy.duties import due_at, duties_of, starting_with
from shared.policy.pack import Duty
from shared.policy.pack import Task as Asked

router = APIRouter()
Teller = Annotated[Principal, Depends(requires("worker", "manager", "dsl", "deputy_dsl"))]
OfTheHub = Literal["strategy_discussion", "protection_conference", "review_conference"]
OfTheSchool = Literal["left_school", "file_sent", "admitted", "absent_without_permission"]
_SCHOOLS: Final = frozenset(OfTheSchool.__args__)  # type: ignore[attr-defined]
# Outcomes after which the authority assesses.
ASSESSED: Final = ("NEW_REFERRAL", "EXISTING_REFERRAL", "CP_ENQUIRY")


class Milestone(BaseModel):
    """at: when it happened; not later than now."""

    model_config = ConfigDict(extra="forbid")

    event: OfTheHub | OfTheSchool
    at: AwareDatetime


@router.post("/v1/cases/{case_id}/milestones", tags=["cases"])
async def tell_milestone(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Teller,
    case_id: UUID,
    body: Milestone,
    if_match: IfMatch = None,
) -> CaseView:
    """Ends the clocks that asked for what has happened, and starts those that follow from it. The
    same told again changes nothing."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    lead = case.urn in viewer.schools(*LEADS)
    hub = await _works_hub(session, viewer, case_id)
    if not (lead if body.event in _SCHOOLS else hub):
        raise forbidden()
    rules = rules_of(request)
    if body.at > rules.clock.now():
        detail = "That is still to come. Tell it once it has happened."
        raise Problem(422, "not-yet", detail)
    if not await _told_before(session, case, body):
        expect(case.version, if_match)
        now = rules.clock.now()
        duties = _duties(case, rules)
        await end_clocks(session, case, duties, body.event, body.at, now, viewer.ref)
        await start_duties(session, case, body.event, body.at, rules)
        case.version += 1
        remember(session, case.id, "milestone", now, actor_ref=viewer.ref, **_detail(body))
        data = CaseMilestone(
            case_id=case.id, event=body.event, happened_at=body.at, at=now, actor_ref=viewer.ref
        )
        emit(session, "case.milestone", case.id, data, producer=PRODUCER, at=now)
        # COMMIT POINT: after it the clocks run; before it nothing has happened.
        await commit(session)
        runtime_of(request).doorbell.ring()
    return await show_case(request, response, session, viewer, case)


async def _works_hub(session: Session, viewer: Viewer, case_id: UUID) -> bool:
    """Also once the hub has decided: what starts these clocks happens after that."""
    of_hub = select(Task).where(col(Task.case_id) == case_id, col(Task.route).in_(HUBS))
    return any(viewer.works(task.route, task.la) for task in await session.exec(of_hub))


def _detail(body: Milestone) -> dict[str, str]:
    return {"event": body.event, "happened_at": body.at.isoformat()}


async def _told_before(session: Session, case: CaseFile, body: Milestone) -> bool:
    told = select(CaseEvent.id).where(
        col(CaseEvent.case_id) == case.id,
        col(CaseEvent.kind) == "milestone",
        col(CaseEvent.detail) == _detail(body),
    )
    return (await session.exec(told)).first() is not None


def _duties(case: CaseFile, rules: Rules) -> tuple[Duty, ...]:
    return duties_of(rules.policy.national, rules.policy.locals.get(case.la or ""))


async def start_duties(
    session: AsyncSession,
    case: CaseFile,
    event: str,
    at: datetime,
    rules: Rules,
    *,
    met: Collection[str] = (),
) -> None:
    """One task at least for each duty, in whose name its clock is looked at.

    met: clocks that have ended already.
    """
    running = await _running(session, case)
    for duty in starting_with(_duties(case, rules), event):
        end = due_at(duty, at)
        if duty.clock in met or (duty.id, end) in running:
            continue
        asked = duty.open or (
            Asked("MASH" if duty.clock else duty.late[0].route, "P4", duty.title),
        )
        opened = [await _open(session, case, duty, one, end, rules) for one in asked]
        if duty.late:
            session.add(Timer(task_id=opened[0].id, case_id=case.id, kind="late", due_at=end))


async def _running(session: AsyncSession, case: CaseFile) -> set[tuple[str, datetime | None]]:
    """Duties with their ends: a second decision starts no clock that runs already."""
    clocks = await follow_ups(session, case, "clock", "duty")
    return {(reason["rule"], task.by) for task in clocks for reason in task.because}


async def on_late(session: AsyncSession, due: Sequence[Any], rules: Rules) -> None:
    """due: timers of tasks whose duty was not done in time. What the pack asks then is asked."""
    for one in sorted(due, key=lambda each: (each.case_id, each.task_id)):
        case = await lock_case(session, one.case_id)
        task = await session.get(Task, one.task_id)
        if case is None or task is None:
            continue
        for duty in _duties_of(task, case, rules):
            for asked in duty.late:
                await _open(session, case, duty, asked, None, rules)
        case.version += 1


def _duties_of(task: Task, case: CaseFile, rules: Rules) -> Iterable[Duty]:
    ids = {reason["rule"] for reason in task.because}
    return (duty for duty in _duties(case, rules) if duty.id in ids)


async def _open(  # noqa: PLR0917 - a task is all of these
    session: AsyncSession,
    case: CaseFile,
    duty: Duty,
    asked: Asked,
    by: datetime | None,
    rules: Rules,
) -> Task:
    serves = rules.policy.national.routes[asked.route].serves
    team = rules.policy.national.routes[asked.route].team
    la = case.school_la if serves == "school" else case.la
    # A team does what it is asked from its queue, where a clock that only runs is not.
    theirs = rules.policy.directory.service(asked.route, la).owner_role == "team"
    follow_up = FollowUp(
        kind="duty" if theirs and asked in (*duty.open, *duty.late) else "clock",
        route=asked.route,
        la=la if team else None,
        priority=asked.priority,
        script=asked.say,
        because=because_of(duty),
        by=by,
    )
    return await open_follow_up(session, case, follow_up, rules)
