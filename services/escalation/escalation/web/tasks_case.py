"""A case as its school sees it: who has what, what was disagreed, what must not be done."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from escalation.access import Session, reach_case
from escalation.case_view import CaseView, show_case
from escalation.conflicts import school_tasks
from escalation.details import read_details
from escalation.disagreement import Disagrees, Reasoned, disagree, settle
from escalation.milestones import Milestone, tell_milestone
from escalation.models import CaseFile, Task
from escalation.rows import age_band
from escalation.viewer import LEADS, Viewer, viewer_of
from escalation.web.tasks_form import (
    NotFilledIn,
    as_typed,
    faults_of,
    seen,
    today,
    when,
)
from escalation.web.tasks_form import words as words_of
from escalation.web.tasks_view import how_it_ended, title_of
from shared.app import runtime_of
from shared.auth import Principal
from shared.errors import Problem
from shared.policy.readers.words import humanised
from shared.web import Fault, Form, View, page, page_router, posted, signed_in
from shared.web.times import Deadline, deadline
from shared.web.times import said as said_at

router = page_router()
Post = Annotated[Principal, Depends(signed_in("dsl", "deputy_dsl", "head", "chair"))]
Lead = Annotated[Principal, Depends(signed_in(*LEADS))]
REASON: Final = 4000
MILESTONES: Final = {
    "left_school": "The child has left this school",
    "file_sent": "The child protection file has been sent",
    "admitted": "The child was admitted here",
    "absent_without_permission": "The child is absent without permission",
}
_STEPS: Final = {"open": "waits for the hub’s answer", "answered": "the hub has answered",
                 "settled": "settled"}  # fmt: skip
_SAID: Final = {
    "disagreed": "Your disagreement is on record, and the hub has been asked to answer.",
    "at-risk": "Your disagreement is on record with the senior managers. Ring 999 now if a child "
    "is in danger: a disagreement never comes before a child’s safety.",
    "settled": "It is on record that this is settled.",
    "milestone": "It is on record, and what follows from it has been asked.",
}
_NOTES: Final = {
    "question": "The hub asks",
    "answer": "The school answers",
    "disagreement_opened": "The school disagrees",
    "disagreement_climbed": "The school disagrees again",
    "disagreement_answered": "The hub answers the disagreement",
    "disagreement_settled": "Settled, because",
}


class TaskLine(BaseModel):
    """href: the task's page, where it is the reader's. has_it: by role, never by name."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    title: str
    href: str | None
    owner: str
    has_it: str
    by: Deadline
    state: str
    ended: str
    open: bool


class CasePage(View):
    """at: where it stands, in pairs of words. told: milestones. notes: what was written in the
    case, once opened. at_risk: the last form said that a child is at risk now."""

    case_id: UUID
    version: int
    says: str = ""
    at_risk: bool = False
    at: tuple[tuple[str, str], ...]
    tasks: tuple[TaskLine, ...]
    bans: tuple[str, ...]
    disagreements: tuple[tuple[str, Deadline | None], ...]
    disagrees: bool
    last_step: bool
    linked: tuple[tuple[UUID, str, str], ...]
    told: tuple[tuple[str, str], ...]
    milestones: Mapping[str, str]
    notes: tuple[tuple[str, str, str], ...] = ()
    has_notes: bool
    is_lead: bool
    typed: Mapping[str, str]


@router.get("/tasks/cases/{case_id}")
async def case(
    request: Request, session: Session, who: Post, case_id: UUID, said: str = ""
) -> Response:
    viewer = viewer_of(request, who)
    view = await _view(request, session, viewer, case_id, said=said)
    return page(request, "escalation/tasks-case.html", view)


@router.post("/tasks/cases/{case_id}/disagree")
async def i_disagree(request: Request, session: Session, who: Post, case_id: UUID) -> Response:
    """Opens the ladder, or takes the next step of it."""
    viewer, form = viewer_of(request, who), await posted(request)
    at_risk = form.text("at_risk_now") == "yes"
    try:
        reason = words_of(form, "reason", REASON, "Say why you disagree")
        body = Disagrees(reason=reason, at_risk_now=at_risk)
        await disagree(request, Response(), session, who, case_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        refused = faults_of(error, "reason")
        return await _again(request, session, viewer, case_id, form, refused)
    return _back(case_id, "at-risk" if at_risk else "disagreed")


@router.post("/tasks/cases/{case_id}/settle")
async def it_is_settled(request: Request, session: Session, who: Post, case_id: UUID) -> Response:
    viewer, form = viewer_of(request, who), await posted(request)
    try:
        body = Reasoned(reason=words_of(form, "settled", REASON, "Say what settled it"))
        await settle(request, Response(), session, who, case_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        refused = faults_of(error, "settled")
        return await _again(request, session, viewer, case_id, form, refused)
    return _back(case_id, "settled")


@router.post("/tasks/cases/{case_id}/milestone")
async def it_happened(request: Request, session: Session, who: Lead, case_id: UUID) -> Response:
    viewer, form = viewer_of(request, who), await posted(request)
    try:
        event = form.text("event")
        if event not in MILESTONES:
            raise NotFilledIn(Fault(field="event", says="Choose what has happened"))
        at = when(form, runtime_of(request).clock.now())
        body = Milestone.model_validate({"event": event, "at": at})
        await tell_milestone(request, Response(), session, who, case_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        refused = faults_of(error, "event")
        return await _again(request, session, viewer, case_id, form, refused)
    return _back(case_id, "milestone")


@router.post("/tasks/cases/{case_id}/notes")
async def open_notes(request: Request, session: Session, who: Lead, case_id: UUID) -> Response:
    """What the hub and the school wrote to each other; that it was read is on record first."""
    viewer, now = viewer_of(request, who), runtime_of(request).clock.now()
    opened = await read_details(request, Response(), session, who, case_id, "call_back")
    notes = tuple(
        (_NOTES[note.kind], said_at(note.at, now), note.text or "This cannot be opened any more.")
        for note in opened.notes
        if note.kind in _NOTES
    )
    view = await _view(request, session, viewer, case_id, notes=notes)
    return page(request, "escalation/tasks-case.html", view)


def _back(case_id: UUID, said: str) -> Response:
    return RedirectResponse(f"/tasks/cases/{case_id}?said={said}", 303)


async def _again(  # noqa: PLR0917 - the parts of one answer
    request: Request,
    session: Session,
    viewer: Viewer,
    case_id: UUID,
    form: Form,
    refused: tuple[tuple[Fault, ...], int],
) -> Response:
    """The same page with what was typed, and the case as it is now."""
    faults, status = refused
    view = await _view(request, session, viewer, case_id, form=form, faults=faults)
    return page(request, "escalation/tasks-case.html", view, status=status)


async def _view(
    request: Request,
    session: Session,
    viewer: Viewer,
    case_id: UUID,
    *,
    said: str = "",
    form: Form | None = None,
    notes: tuple[tuple[str, str, str], ...] = (),
    faults: tuple[Fault, ...] = (),
) -> CasePage:
    now = runtime_of(request).clock.now()
    found = await reach_case(session, viewer, case_id)
    shown = await show_case(request, Response(), session, viewer, found)
    rows = await session.exec(
        select(Task).where(col(Task.case_id) == case_id).order_by(col(Task.rank), col(Task.id))
    )
    own = await session.exec(
        select(Task.id)
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(col(Task.case_id) == case_id, school_tasks(viewer))
    )
    mine = set(own)
    unsettled = [one for one in shown.disagreements if one.state != "settled"]
    typed = as_typed(form) if form else {}
    return CasePage(
        title=f"Case {str(case_id)[-8:].upper()}",
        case_id=case_id,
        version=found.version,
        says=_SAID.get(said, ""),
        at_risk=said == "at-risk" or typed.get("at_risk_now") == "yes",
        at=tuple(_where_it_stands(found, shown, now)),
        tasks=tuple(_line(one, viewer, mine, now) for one in rows if one.state != "superseded"),
        bans=tuple(ban["say"] for ban in found.decision.get("prohibitions") or [] if ban["say"]),
        disagreements=tuple(_step(one, now) for one in shown.disagreements),
        disagrees=bool(unsettled),
        last_step=any(one.stage == len(_STEPS) + 1 for one in unsettled),
        linked=tuple(_linked(one) for one in shown.linked),
        told=tuple(_told(one.detail, now) for one in shown.history if one.kind == "milestone"),
        milestones=MILESTONES,
        notes=notes,
        has_notes=any(one.has_note and one.kind in _NOTES for one in shown.history),
        is_lead=found.urn in viewer.schools(*LEADS),
        typed={**today(now), **typed},
        faults=faults,
    )


def _where_it_stands(case: CaseFile, shown: CaseView, now: datetime) -> list[tuple[str, str]]:
    types = case.facts.get("concern_types") or ["not known"]
    decided = _outcome(shown.outcome) if shown.outcome else "Not yet"
    if shown.earlier and not shown.outcome:
        before = shown.earlier[-1]
        decided = f"Not yet again. Earlier: {_outcome(before.outcome)}, until more was said"
    return [
        ("Concern", ", ".join(humanised(str(one)) for one in types)),
        ("Age", age_band(case.facts.get("age_years"))),
        ("Raised", said_at(case.received_at, now)),
        ("Priority", shown.priority),
        ("The hub’s decision", decided),
        ("Other cases of the same incident", str(shown.siblings)),
    ]


def _outcome(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _line(task: Task, viewer: Viewer, mine: Collection[UUID], now: datetime) -> TaskLine:
    team = task.owner_role == "team"
    if task.claimed_by_ref is not None:
        has_it = "You" if task.claimed_by_ref == viewer.ref else "Somebody of the team"
    else:
        has_it = "Nobody of the team yet" if team else task.owner
    decided = {"open": "To do", "acknowledged": "Acknowledged", "told": "Reported, as told to "
               "the lead", "done": "Decided"}  # fmt: skip
    return TaskLine(
        title=title_of(task),
        href=f"/tasks/{task.id}" if task.id in mine else None,
        owner=task.owner,
        has_it=has_it,
        by=deadline(task.by if task.closed_at is None else None, now),
        state="Done" if (task.kind, task.state) == ("clock", "done") else decided[task.state],
        ended=how_it_ended(task, viewer, now),
        open=task.closed_at is None,
    )


def _step(one: Any, now: datetime) -> tuple[str, Deadline | None]:
    words = f"Step {one.stage}: {_STEPS[one.state]}, since {said_at(one.opened_at, now)}"
    return words, deadline(one.by, now) if one.state == "open" else None


def _linked(one: Any) -> tuple[UUID, str, str]:
    why = ", ".join(name.replace("_", " ") for name in one.relations)
    return one.case_id, str(one.case_id)[-8:].upper(), why


def _told(detail: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    happened = datetime.fromisoformat(detail["happened_at"])
    words = MILESTONES.get(detail["event"], detail["event"].replace("_", " ").capitalize())
    return words, said_at(happened, now)
