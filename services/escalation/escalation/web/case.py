"""The page of one case, its sealed details, and the forms by which a case moves on."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from escalation.access import Session
from escalation.details import Details, read_details
from escalation.viewer import Viewer, viewer_of
from escalation.web.case_forms import FORMS, OF_TASKS, Form, Sending
from escalation.web.case_models import Sent
from escalation.web.case_page import case_page
from escalation.web.case_words import READ_FOR
from escalation.web.tasks_form import NotFilledIn, as_typed
from shared.auth import Principal
from shared.errors import Problem
from shared.outbox import rollback
from shared.web import Fault, page, page_router, posted, signed_in

router = page_router()
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]
_STALE = (
    "This case has changed since you opened it, so nothing was sent. Look at what changed, then "
    "send again if it is still right. What you typed is still here."
)
_NOT_FOUND = Problem(404, "not-found", "There is nothing at this address.")


@router.get("/triage/cases/{case_id}")
async def case(
    request: Request, session: Session, who: Worker, case_id: UUID, done: str = ""
) -> Response:
    view = await case_page(request, session, viewer_of(request, who), case_id, Sent(), done)
    return page(request, "escalation/case.html", view)


@router.post("/triage/cases/{case_id}/details")
async def details(request: Request, session: Session, who: Worker, case_id: UUID) -> Response:
    """Shown in the answer itself: no address leads to them, and each look is recorded."""
    form = await posted(request)
    reason, viewer = form.text("reason"), viewer_of(request, who)
    if reason not in READ_FOR:
        fault = Fault(field="reason", says="Choose why you need to read them")
        return await _again(request, session, viewer, case_id, Sent(at="details", faults=(fault,)))
    opened: Details = await read_details(request, Response(), session, who, case_id, reason)  # type: ignore[arg-type]
    view = await case_page(request, session, viewer, case_id, Sent(), details=opened)
    return page(request, "escalation/case.html", view)


@router.post("/triage/cases/{case_id}/{name}")
async def act(
    request: Request, session: Session, who: Worker, case_id: UUID, name: str
) -> Response:
    if name not in FORMS:
        raise _NOT_FOUND
    sending = Sending(request, session, who, case_id, await posted(request))
    return await _send(sending, name, FORMS[name])


@router.post("/triage/cases/{case_id}/tasks/{task_id}/{name}")
async def act_on_task(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request, session: Session, who: Worker, case_id: UUID, task_id: UUID, name: str
) -> Response:
    if name not in OF_TASKS:
        raise _NOT_FOUND
    sending = Sending(request, session, who, case_id, await posted(request), task_id)
    return await _send(sending, name, OF_TASKS[name])


async def _send(sending: Sending, name: str, form: Form) -> Response:
    """Done, or the same page again with what was typed and what stands in the way."""
    request, session, case_id = sending.request, sending.session, sending.case_id
    viewer = viewer_of(request, sending.who)
    at = f"{name}-{sending.task_id}" if sending.task_id else name
    sent = Sent(at=at, typed=as_typed(sending.form))
    try:
        await form.act(sending)
    except NotFilledIn as wrong:
        again = sent.model_copy(update={"faults": sending.renamed(wrong.faults)})
        return await _again(request, session, viewer, case_id, again)
    except Problem as problem:
        if problem.status not in {409, 412, 422}:
            raise
        again = sent.model_copy(update=_trouble(problem, sending, form))
        return await _again(request, session, viewer, case_id, again, problem.status)
    return RedirectResponse(f"/triage/cases/{case_id}?done={name}", 303)


def _trouble(problem: Problem, sending: Sending, form: Form) -> dict[str, object]:
    if problem.status != 412:  # noqa: PLR2004 - precondition failed: somebody was here before
        return {"faults": sending.renamed((Fault(field=form.field, says=problem.detail),))}
    seen = sending.form.text("seen")
    since = int(seen) if seen.isdecimal() and len(seen) < 9 else 0  # noqa: PLR2004 - its digits
    return {"faults": (Fault(field="changed", says=_STALE),), "stale_since": since}


async def _again(  # noqa: PLR0917 - the parts of the answer
    request: Request,
    session: Session,
    viewer: Viewer,
    case_id: UUID,
    sent: Sent,
    status: int = 422,
) -> Response:
    await rollback(session)
    view = await case_page(request, session, viewer, case_id, sent)
    return page(request, "escalation/case.html", view, status=status)
