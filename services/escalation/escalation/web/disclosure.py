"""The Education Safeguarding Team's page of one request to tell others: held, released or refused.

For the public there is no letter, and so no button: what is not there cannot be pressed.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from escalation.access import Session
from escalation.disclosure import routes as desk
from escalation.disclosure.routes import (
    DisclosureDecision,
    DisclosureRequest,
    Draft,
    LetterView,
    PoliceAgreement,
)
from escalation.web.disclosure_marks import Piece, marked
from escalation.web.tasks_form import NotFilledIn, as_typed, faults_of, maybe, seen, words
from shared.app import runtime_of
from shared.auth import Principal
from shared.errors import Problem
from shared.outbox import rollback
from shared.web import Fault, Form, View, page, page_router, posted, signed_in
from shared.web.times import said as said_at

router = page_router()
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]
_AT: Final = "/triage/EST/requests/{case_id}"
_LINE: Final = 300
_WORDS: Final = 4000
_AUDIENCES: Final = {
    "all_parents": "all parents of a school or class",
    "other_schools": "other schools and settings",
    "press": "the press",
    "website_social": "a website or social media",
    "foi": "somebody who asks under freedom of information",
    "elected_members": "elected members",
}
_STATES: Final = {
    "DENY": "Never: nothing about a case is told to the public",
    "HOLD": "Held, until everybody needed has agreed",
    "ALLOW_TEMPLATE": "A letter from a template may go out",
    "ALLOW_PERSON": "One named person may be told, by the safeguarding lead",
    "HOLD_FOR_POLICE_CSC": "Held, until the police and social care have agreed",
    "REFER_DPO": "For the data protection officer to answer",
}
_NEEDS: Final = {"EST": "your team’s decision", "POLICE": "the police’s agreement"}
_SAID: Final = {
    "police": "What the police said is on record.",
    "refuse": "It is refused, and on record. Tell whoever asked, and why.",
}


class Cause(BaseModel):
    model_config = ConfigDict(frozen=True)

    rule: str
    title: str
    cite: str


class RequestPage(View):
    """letter: the one chosen. checked: nothing in it identifies anybody; text: as it would go out.
    marks: what was found in each field, piece by piece."""

    case_id: UUID
    version: int
    says: str = ""
    audience: str
    state: str
    say: str
    needs: tuple[str, ...]
    causes: tuple[Cause, ...]
    asks_police: bool
    police_agreed: bool
    decided: str
    letters: tuple[LetterView, ...]
    letter: LetterView | None = None
    text: str = ""
    marks: tuple[tuple[str, tuple[Piece, ...]], ...] = ()
    typed: Mapping[str, str]


class ReleasedPage(View):
    case_id: UUID
    audience: str
    text: str


@router.get(_AT)
async def request_page(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    session: Session,
    who: Worker,
    case_id: UUID,
    letter: str = "",
    said: str = "",
) -> Response:
    view = await _view(request, session, who, case_id, {"letter": letter}, says=_SAID.get(said, ""))
    return page(request, "escalation/disclosure.html", view)


@router.post(_AT + "/police")
async def police(request: Request, session: Session, who: Worker, case_id: UUID) -> Response:
    form = await posted(request)
    try:
        if form.text("agreed") not in {"yes", "no"}:
            raise NotFilledIn(Fault(field="agreed", says="Choose what the police said"))
        body = PoliceAgreement(
            agreed=form.text("agreed") == "yes",
            reference=words(form, "reference", 80, "Enter the police’s reference"),
            wording=maybe(form, "wording", _WORDS) or "",
        )
        await desk.record_police(request, Response(), session, who, case_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        return await _again(request, session, who, case_id, form, faults_of(error, "reference"))
    return RedirectResponse(f"/triage/EST/requests/{case_id}?said=police", 303)


@router.post(_AT + "/check")
async def check(request: Request, session: Session, who: Worker, case_id: UUID) -> Response:
    """Shows what could identify somebody; that the details were read for it is on record."""
    form = await posted(request)
    try:
        draft = Draft(letter=form.text("letter"), fields=_fields(form))
        checked = await desk.check_draft(request, session, who, case_id, draft)
    except (Problem, NotFilledIn) as error:
        return await _again(request, session, who, case_id, form, _of_letter(error))
    found = [one.model_dump() for one in checked.findings]
    if found:
        return await _found(request, session, who, case_id, form, found)
    typed = as_typed(form)
    view = await _view(request, session, who, case_id, typed, text=checked.text or "")
    return page(request, "escalation/disclosure.html", view)


@router.post(_AT + "/release")
async def release(request: Request, session: Session, who: Worker, case_id: UUID) -> Response:
    """The letter's text, for the team to bring: nothing is sent from here."""
    form = await posted(request)
    try:
        body = DisclosureDecision(
            decision="release", letter=form.text("letter"), fields=_fields(form)
        )
        done = await desk.decide_request(
            request, Response(), session, who, case_id, body, seen(form)
        )
    except (Problem, NotFilledIn) as error:
        if isinstance(error, Problem) and error.code == "identifies":
            found = error.extra["findings"]
            return await _found(request, session, who, case_id, form, found)
        return await _again(request, session, who, case_id, form, _of_letter(error))
    shown = await desk.read_request(request, Response(), session, who, case_id)
    audience = _audience(shown.audience)
    view = ReleasedPage(title="Released", case_id=case_id, audience=audience, text=done.text or "")
    return page(request, "escalation/disclosure-released.html", view)


@router.post(_AT + "/refuse")
async def refuse(request: Request, session: Session, who: Worker, case_id: UUID) -> Response:
    form = await posted(request)
    try:
        reason = words(form, "reason", _WORDS, "Say why it is refused")
        body = DisclosureDecision(decision="refuse", reason=reason)
        await desk.decide_request(request, Response(), session, who, case_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        return await _again(request, session, who, case_id, form, faults_of(error, "reason"))
    return RedirectResponse(f"/triage/EST/requests/{case_id}?said=refuse", 303)


def _fields(form: Form) -> dict[str, str]:
    sent = {name.removeprefix("field-"): value.strip() for name, value in form.fields
            if name.startswith("field-")}  # fmt: skip
    long = [name for name, value in sent.items() if len(value) > _LINE]
    if long:
        says = f"Shorten this to at most {_LINE} characters"
        raise NotFilledIn(*(Fault(field=f"field-{name}", says=says) for name in long))
    return {name: value for name, value in sent.items() if value}


def _of_letter(error: Problem | NotFilledIn) -> tuple[tuple[Fault, ...], int]:
    """Beside each field that is not filled in, else with the letter as a whole."""
    wrong = error.extra.get("fields", []) if isinstance(error, Problem) else []
    if not wrong:
        return faults_of(error, "letter")
    says = "Choose one, or write a short sentence on one line"
    return tuple(Fault(field=f"field-{name}", says=says) for name in wrong), 422


async def _found(  # noqa: PLR0917 - the parts of one answer
    request: Request,
    session: Session,
    who: Principal,
    case_id: UUID,
    form: Form,
    found: Sequence[Mapping[str, Any]],
) -> Response:
    """The draft with what could identify somebody marked in it, and the form as it was typed."""
    fields = _fields(form)
    marks = tuple(
        (name, marked(text, [one for one in found if one["field"] == name]))
        for name, text in fields.items()
        if any(one["field"] == name for one in found)
    )
    says = "Words in this could identify somebody. Take them out, or say it more generally"
    faults = tuple(Fault(field=f"field-{name}", says=says) for name, _ in marks)
    typed = as_typed(form)
    view = await _view(request, session, who, case_id, typed, marks=marks, faults=faults)
    return page(request, "escalation/disclosure.html", view, status=422)


async def _again(  # noqa: PLR0917 - the parts of one answer
    request: Request,
    session: Session,
    who: Principal,
    case_id: UUID,
    form: Form,
    refused: tuple[tuple[Fault, ...], int],
) -> Response:
    """The same page with what was typed, and the request as it is now."""
    faults, status = refused
    await rollback(session)  # what was begun and refused is not so
    view = await _view(request, session, who, case_id, as_typed(form), faults=faults)
    return page(request, "escalation/disclosure.html", view, status=status)


async def _view(
    request: Request,
    session: Session,
    who: Principal,
    case_id: UUID,
    typed: Mapping[str, str],
    **more: Any,
) -> RequestPage:
    shown = await desk.read_request(request, Response(), session, who, case_id)
    gate = shown.gate
    chosen = (one for one in shown.letters if one.id == typed.get("letter"))
    return RequestPage(
        title=f"A request to tell {_audience(shown.audience)}",
        case_id=case_id,
        version=shown.version,
        audience=_audience(shown.audience),
        state=_STATES.get(gate["state"], gate["state"]),
        say=gate.get("say", ""),
        needs=tuple(_NEEDS.get(need, need) for need in gate.get("needs", [])),
        causes=tuple(
            Cause(rule=one["rule"], title=one["title"], cite=one.get("cite", ""))
            for one in gate.get("because", [])
        ),
        asks_police="POLICE" in gate.get("needs", []),
        police_agreed=shown.police_agreed == "yes",
        decided=_decided(request, shown),
        letters=tuple(shown.letters),
        letter=next(chosen, None),
        typed=typed,
        **more,
    )


def _decided(request: Request, shown: DisclosureRequest) -> str:
    if shown.decided is None or shown.decided_at is None:
        return ""
    word = {"release": "Released", "refuse": "Refused"}[shown.decided]
    return f"{word} {said_at(shown.decided_at, runtime_of(request).clock.now())}"


def _audience(code: str) -> str:
    return _AUDIENCES.get(code, code.replace("_", " "))
