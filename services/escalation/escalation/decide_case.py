"""A qualified worker rates a case, and decides it; nothing else ever closes one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select

from escalation.access import Session, own_team_tasks, reach_case, rules_of
from escalation.acknowledge import DECIDED
from escalation.announcing import PRODUCER, tell_task_ended
from escalation.case_view import CaseView, show_case
from escalation.clearing import cancel_timers
from escalation.deciding import tasks_of
from escalation.disclosure.deciding import ROUTE
from escalation.follow_up import follow_ups, supersede
from escalation.history import remember
from escalation.ladder import REFERRAL
from escalation.milestones import ASSESSED, start_duties
from escalation.models import CaseFile, Task
from escalation.notes import seal_note, tell_note
from escalation.preconditions import IfMatch, expect
from escalation.reopening import HUBS, awaits_hub
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem
from shared.events.cases import CaseDecided
from shared.outbox import commit, emit

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
# Contact outcomes of the Standard Safeguarding Dataset.
Outcome = Literal[
    "NEW_REFERRAL",
    "EXISTING_REFERRAL",
    "CP_ENQUIRY",
    "NFA",
    "NON_AGENCY_ADOPTION",
    "PRIVATE_FOSTERING",
    "ADVICE",
    "MISSING",
    "OLA_CP",
    "OTHER_OUTCOMES_EXIST",
]
_Reason = Annotated[str | None, Field(min_length=1, max_length=4000)]


class Rating(BaseModel):
    """reason: needed when an earlier rating changes."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    rating: Literal["blue", "red", "amber", "green"]
    reason: _Reason = None


class CaseDecision(BaseModel):
    """reason: needed for no further action (NFA). It is kept sealed with the case's details."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    outcome: Outcome
    reason: _Reason = None


@router.post("/v1/cases/{case_id}/rate", tags=["cases"])
async def rate_case(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: Rating,
    if_match: IfMatch = None,
) -> CaseView:
    """Says how serious it is. It moves no deadline and closes nothing."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    if not any(task.route in HUBS for task in await own_team_tasks(session, viewer, case_id)):
        raise forbidden()
    if case.rating != body.rating:
        expect(case.version, if_match)
        if case.rating is not None and body.reason is None:
            raise Problem(422, "reason-needed", "Say why the rating changes.")
        case.rating = body.rating
        _rated(request, session, case, viewer, body)
        await commit(session)
        runtime_of(request).doorbell.ring()
    return await show_case(request, response, session, viewer, case)


@router.post("/v1/cases/{case_id}/decide", tags=["cases"])
async def decide_case(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: CaseDecision,
    if_match: IfMatch = None,
) -> CaseView:
    """Ends the caller's own tasks in the case. What others owe stays, personal duties above all."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    own = [t for t in await own_team_tasks(session, viewer, case_id) if t.kind in DECIDED]
    tasks = [task for task in own if not asks_to_tell(case.decision, task.route)]
    if tasks or not await _is_repeat(session, case, body, viewer):
        if own and not tasks:
            detail = (
                "This is a request to tell others, and is decided there: released or refused by "
                "POST /v1/disclosure-requests/{id}/decide, or on the request's page."
            )
            raise Problem(409, "decided-as-request", detail)
        expect(case.version, if_match)
        _check(tasks, body, viewer)
        await _record(request, session, viewer, case, tasks, body)
    return await show_case(request, response, session, viewer, case)


def asks_to_tell(decision: Mapping[str, Any], route: str) -> bool:
    """Whether the team's task is the request itself, which no outcome of the case may end."""
    return route == ROUTE and bool(decision.get("gate"))


async def _is_repeat(session: Session, case: CaseFile, body: CaseDecision, viewer: Viewer) -> bool:
    mine = select(Task.id).where(
        col(Task.case_id) == case.id,
        col(Task.claimed_by_ref) == viewer.ref,
        col(Task.outcome) == body.outcome,
    )
    return (await session.exec(mine.limit(1))).first() is not None


def _check(tasks: list[Task], body: CaseDecision, viewer: Viewer) -> None:
    if not tasks:
        raise Problem(409, "nothing-to-decide", "No task of yours in this case is unfinished.")
    if any(task.read_only and task.state == "open" for task in tasks):
        detail = "The school has not rung yet, or has not said so. Ask the school first."
        raise Problem(409, "awaits-school", detail)
    if any(task.claimed_by_ref not in (None, viewer.ref) for task in tasks):
        raise Problem(409, "claimed", "A colleague has this case. Ask them to release it.")
    if body.outcome == "NFA" and body.reason is None:
        raise Problem(422, "reason-needed", "No further action needs a reason.")


async def _record(  # noqa: PLR0917 - the parts of one transaction
    request: Request,
    session: Session,
    viewer: Viewer,
    case: CaseFile,
    tasks: list[Task],
    body: CaseDecision,
) -> None:
    now = runtime_of(request).clock.now()
    for task in tasks:
        task.state, task.outcome, task.closed_at = "done", body.outcome, now
        tell_task_ended(session, task, now, "decided")
        task.claimed_by_ref, task.claimed_at = viewer.ref, task.claimed_at or now
        task.version += 1
    await cancel_timers(session, [task.id for task in tasks])
    if case.urn is None:
        await _end_schools(session, case, now)
    routes = sorted({task.route for task in tasks})
    if not awaits_hub(case) or any(route in HUBS for route in routes):
        case.outcome, case.decided_at, case.decided_by_ref = body.outcome, now, viewer.ref
        if case.answer_by is not None:
            case.first_answered_at = case.first_answered_at or now
        await supersede(session, await follow_ups(session, case, "chase"), now)
        if body.outcome in ASSESSED:
            await start_duties(
                session, case, REFERRAL, case.received_at, rules_of(request), met=("LA_DECISION",)
            )
    sealer = runtime_of(request).sealer
    note = seal_note(sealer, case, body.reason) if body.reason is not None else None
    case.version += 1
    remember(
        session, case.id, "decided", now, actor_ref=viewer.ref,
        sealed_note=note.sealed if note else None, code=body.outcome,
    )  # fmt: skip
    data = CaseDecided(
        case_id=case.id,
        at=now,
        actor_ref=viewer.ref,
        outcome=body.outcome,
        reason_given=note is not None,
        routes=routes,
        note_commitment=note.commitment if note else None,
    )
    emit(session, "case.decided", case.id, data, producer=PRODUCER, at=now)
    # COMMIT POINT: after it the school hears of the outcome; before it the case is undecided.
    await commit(session)
    runtime_of(request).doorbell.ring()


async def _end_schools(session: Session, case: CaseFile, now: datetime) -> None:
    """Of a concern whose school nobody knew: what no lead could see, the team has seen to now."""
    unseen = [
        task
        for task in await tasks_of(session, case.id)
        if task.closed_at is None and (task.urn, task.owner_ref) == (None, None)
        and task.owner_role != "team"
    ]  # fmt: skip
    await supersede(session, unseen, now)


def _rated(
    request: Request, session: Session, case: CaseFile, viewer: Viewer, body: Rating
) -> None:
    runtime = runtime_of(request)
    now = runtime.clock.now()
    case.version += 1
    if body.reason is None:
        remember(session, case.id, "rated", now, actor_ref=viewer.ref, code=body.rating)
        return
    note = seal_note(runtime.sealer, case, body.reason)
    tell_note(session, case, "rated", now, viewer.ref, note, body.rating)
