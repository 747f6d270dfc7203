"""What the person who is signed in owes, and the forms in which they say that it is done."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import col, select

from escalation.access import Session, not_found, rules_of
from escalation.acknowledge import Acknowledgement, acknowledge
from escalation.conflicts import team_tasks, without_conflict
from escalation.information import Answer, answer_hub
from escalation.models import CaseFile, Task
from escalation.one_time_again import new_link
from escalation.question import read_question
from escalation.tasks import State, known_to, owed, owed_task
from escalation.viewer import LEADS, Viewer, viewer_of
from escalation.web.tasks_form import NotFilledIn, as_typed, faults_of, maybe, seen, today, when
from escalation.web.tasks_form import words as words_of
from escalation.web.tasks_view import Card, card
from shared.app import runtime_of
from shared.auth import Principal
from shared.errors import Problem
from shared.web import Fault, Form, View, page, page_router, posted, signed_in

router = page_router()
Owner = Annotated[Principal, Depends(signed_in("dsl", "deputy_dsl", "head", "chair", "reporter"))]
# A notice's link leads here, a team's too.
Told = Annotated[
    Principal,
    Depends(signed_in("dsl", "deputy_dsl", "head", "chair", "reporter", "worker", "manager")),
]
Post = Annotated[Principal, Depends(signed_in("dsl", "deputy_dsl", "head", "chair"))]
ROWS: Final = 25
REFERENCE: Final = 80
ANSWER: Final = 4000
_SAID: Final = {
    "done": "It is on record that this is done.",
    "told": "It is on record that the teacher told you they reported.",
    "answer": "Your answer is with the hub.",
    "link": "A new link is on its way to the teacher.",
}
_NOTES: Final = {"question": "The hub asks", "answer": "The answer"}
_GONE: Final = "This cannot be opened any more."


class TasksPage(View):
    """everything: what is done too. next: the address of the next page."""

    cards: tuple[Card, ...]
    everything: bool
    next: str | None
    leads: bool


class TaskPage(View):
    """says: what was just done. typed: the form's inputs. notes: what was written in the case, once
    opened. links: whether the reader may have a link sent. once: over a one-time link."""

    task: Card
    says: str = ""
    typed: Mapping[str, str]
    notes: tuple[tuple[str, str], ...] = ()
    leads: bool
    sends_link: bool = False
    once: bool = False


@router.get("/tasks")
async def tasks(
    request: Request,
    session: Session,
    who: Owner,
    state: State = "open",
    after: str | None = None,
) -> Response:
    viewer, now = viewer_of(request, who), runtime_of(request).clock.now()
    found, place = await owed(session, viewer, state, after, ROWS)
    shown = await known_to(session, viewer, rules_of(request), found)
    view = TasksPage(
        title="Your tasks",
        cards=tuple(card(one, viewer, now) for one in shown),
        everything=state == "all",
        next=f"/tasks?state={state}&after={place}" if place else None,
        leads=bool(viewer.schools(*LEADS, "head", "chair")),
    )
    return page(request, "escalation/tasks.html", view)


@router.get("/tasks/{task_id}")
async def task(
    request: Request, session: Session, who: Told, task_id: UUID, said: str = ""
) -> Response:
    viewer = viewer_of(request, who)
    case_id = await _in_a_queue(session, viewer, task_id)
    if case_id is not None:
        return RedirectResponse(f"/triage/cases/{case_id}", 303)
    return page(
        request,
        "escalation/task.html",
        await _view(request, session, viewer, task_id, says=_SAID.get(said, "")),
    )


@router.post("/tasks/{task_id}/acknowledge")
async def say_done(request: Request, session: Session, who: Owner, task_id: UUID) -> Response:
    viewer, form = viewer_of(request, who), await posted(request)
    try:
        body = Acknowledgement(reference=maybe(form, "reference", REFERENCE))
        await acknowledge(request, session, viewer, task_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        return await _again(request, session, viewer, task_id, form, faults_of(error, "reference"))
    return RedirectResponse(f"/tasks/{task_id}?said=done", 303)


@router.post("/tasks/{task_id}/told")
async def say_told(request: Request, session: Session, who: Owner, task_id: UUID) -> Response:
    """A lead records that the teacher whose duty it is has reported, and told them so."""
    viewer, form = viewer_of(request, who), await posted(request)
    try:
        at = when(form, runtime_of(request).clock.now())
        body = Acknowledgement(reference=maybe(form, "reference", REFERENCE), told_at=at)
        await acknowledge(request, session, viewer, task_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        return await _again(request, session, viewer, task_id, form, faults_of(error, "reference"))
    return RedirectResponse(f"/tasks/{task_id}?said=told", 303)


@router.post("/tasks/{task_id}/answer")
async def answer(request: Request, session: Session, who: Owner, task_id: UUID) -> Response:
    viewer, form = viewer_of(request, who), await posted(request)
    try:
        body = Answer(answer=words_of(form, "answer", ANSWER, "Write your answer to the hub"))
        await answer_hub(request, session, who, task_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        return await _again(request, session, viewer, task_id, form, faults_of(error, "answer"))
    return RedirectResponse(f"/tasks/{task_id}?said=answer", 303)


@router.post("/tasks/{task_id}/question")
async def open_question(request: Request, session: Session, who: Owner, task_id: UUID) -> Response:
    """What the hub asked is sealed with the case: that it was read is on record first."""
    viewer, form = viewer_of(request, who), await posted(request)
    opened = await read_question(request, Response(), session, who, task_id)
    notes = tuple((_NOTES[note.kind], note.text or _GONE) for note in opened.notes)
    view = await _view(request, session, viewer, task_id, typed=as_typed(form), notes=notes)
    return page(request, "escalation/task.html", view)


@router.post("/tasks/{task_id}/link")
async def send_link(request: Request, session: Session, who: Post, task_id: UUID) -> Response:
    """For a teacher whose link was used, is too old or never came."""
    viewer, rules = viewer_of(request, who), rules_of(request)
    found, _, _ = await owed_task(session, viewer, task_id)
    if rules.links is None or not _may_send(found, viewer):
        raise not_found()
    await new_link(session, rules, found, viewer.ref)
    runtime_of(request).doorbell.ring()
    return RedirectResponse(f"/tasks/{task_id}?said=link", 303)


def _may_send(task: Task, viewer: Viewer) -> bool:
    own = task.owner_ref == viewer.ref
    return task.owner_role == "reporter" and task.state == "open" and not own


async def _again(  # noqa: PLR0917 - the parts of one answer
    request: Request,
    session: Session,
    viewer: Viewer,
    task_id: UUID,
    form: Form,
    refused: tuple[tuple[Fault, ...], int],
) -> Response:
    """The same page with what was typed, and the task as it is now."""
    faults, status = refused
    view = await _view(request, session, viewer, task_id, typed=as_typed(form), faults=faults)
    return page(request, "escalation/task.html", view, status=status)


async def _view(
    request: Request,
    session: Session,
    viewer: Viewer,
    task_id: UUID,
    *,
    says: str = "",
    typed: Mapping[str, str] | None = None,
    notes: tuple[tuple[str, str], ...] = (),
    faults: tuple[Fault, ...] = (),
) -> TaskPage:
    now = runtime_of(request).clock.now()
    found = await owed_task(session, viewer, task_id)
    [known] = await known_to(session, viewer, rules_of(request), [found])
    shown = card(known, viewer, now)
    leads = shown.urn in viewer.schools(*LEADS)
    return TaskPage(
        title=shown.title,
        task=shown,
        says=says,
        typed=typed or today(now),
        notes=notes,
        leads=leads or shown.urn in viewer.schools("head", "chair"),
        sends_link=_may_send(found[0], viewer) and bool(viewer.schools(*LEADS, "head", "chair")),
        faults=faults,
    )


async def _in_a_queue(session: Session, viewer: Viewer, task_id: UUID) -> UUID | None:
    """The case of a task in a queue that the reader works."""
    if not viewer.teams:
        return None
    found = await session.exec(
        select(Task.case_id)
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(col(Task.id) == task_id, without_conflict(viewer), team_tasks(viewer))
    )
    case_id = found.one_or_none()
    if case_id is None and not viewer.schools("dsl", "deputy_dsl", "head", "chair", "reporter"):
        raise not_found()
    return case_id
