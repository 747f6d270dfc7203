"""The Education Safeguarding Team's desk: who asks to tell whom, what is needed, what may be said.

Nothing is sent from here. A release is a letter's text, for the team to bring to those it is for.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from escalation.access import Session, not_found, reach_case, rules_of
from escalation.disclosure import deciding
from escalation.disclosure.identifying import Found
from escalation.disclosure.letters import letters_for
from escalation.models import CaseFile
from escalation.preconditions import IfMatch, etag, expect
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
ROUTE = "EST"
_Words = Annotated[str, Field(min_length=1, max_length=4000)]


class LetterField(BaseModel):
    name: str
    label: str
    choices: list[str]
    most: int


class LetterView(BaseModel):
    id: str
    title: str
    text: str
    fields: list[LetterField]


class DisclosureRequest(BaseModel):
    """gate: state, what it needs and why. letters: those for this audience; none for the public."""

    case_id: UUID
    audience: str
    gate: dict[str, Any]
    police_agreed: str
    decided: str | None
    decided_at: datetime | None
    letters: list[LetterView]
    version: int


class PoliceAgreement(BaseModel):
    """Of the officer in charge. reference and wording are kept sealed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    agreed: bool
    reference: Annotated[str, Field(min_length=1, max_length=80)]
    wording: Annotated[str, Field(max_length=4000)] = ""


class Draft(BaseModel):
    """letter: its id; fields: its values by name."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    letter: str
    fields: dict[str, Annotated[str, Field(max_length=300)]] = Field(default_factory=dict)


class Finding(BaseModel):
    """Characters start to end of the field could identify somebody."""

    field: str
    start: int
    end: int
    kind: str


class Checked(BaseModel):
    findings: list[Finding]
    text: str | None


class DisclosureDecision(BaseModel):
    """release needs a letter; refuse needs a reason."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    decision: Literal["release", "refuse"]
    letter: str | None = None
    fields: dict[str, Annotated[str, Field(max_length=300)]] = Field(default_factory=dict)
    reason: _Words | None = None


class Released(BaseModel):
    decision: Literal["release", "refuse"]
    text: str | None
    version: int


@router.get("/v1/disclosure-requests/{case_id}", tags=["disclosure"])
async def read_request(
    request: Request, response: Response, session: Session, who: Worker, case_id: UUID
) -> DisclosureRequest:
    _, case = await _reach(request, session, who, case_id)
    response.headers["ETag"] = etag(case.version)
    response.headers["Cache-Control"] = "no-store"
    return _shown(case)


@router.post("/v1/disclosure-requests/{case_id}/police", tags=["disclosure"])
async def record_police(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: PoliceAgreement,
    if_match: IfMatch = None,
) -> DisclosureRequest:
    """Records what the police said, and to whom; it opens the gate only together with the team."""
    viewer, case = await _reach(request, session, who, case_id, lock=True)
    expect(case.version, if_match)
    await deciding.record_police(
        session, runtime_of(request), rules_of(request), viewer, case, body.model_dump()
    )
    response.headers["ETag"] = etag(case.version)
    return _shown(case)


@router.post("/v1/disclosure-requests/{case_id}/check", tags=["disclosure"])
async def check_draft(
    request: Request, session: Session, who: Worker, case_id: UUID, body: Draft
) -> Checked:
    """What in the draft could identify somebody, by what the school sent; that reading is on
    record."""
    viewer, case = await _reach(request, session, who, case_id)
    draft = deciding.drafted(case, body.letter, body.fields)
    found = await deciding.findings(session, runtime_of(request), viewer, case, draft)
    return Checked(findings=list(map(_finding, found)), text=None if found else draft.text)


@router.post("/v1/disclosure-requests/{case_id}/decide", tags=["disclosure"])
async def decide_request(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: DisclosureDecision,
    if_match: IfMatch = None,
) -> Released:
    """Releases a letter that identifies nobody, once everyone needed has agreed; or refuses."""
    viewer, case = await _reach(request, session, who, case_id, lock=True)
    expect(case.version, if_match)
    runtime, rules = runtime_of(request), rules_of(request)
    if body.decision == "refuse":
        if body.reason is None:
            raise Problem(422, "reason-needed", "Say why it is refused.")
        await deciding.refuse(session, runtime, rules, viewer, case, body.reason)
        text = None
    else:
        draft = deciding.drafted(case, body.letter or "", body.fields)
        found = await deciding.findings(session, runtime, viewer, case, draft)
        if found:
            detail = "Words in it could identify somebody. Take them out, or say it more generally."
            marked: Mapping[str, Any] = {"findings": [_finding(one).model_dump() for one in found]}
            raise Problem(422, "identifies", detail, **marked)
        case = await deciding.locked_again(session, viewer, case, if_match)
        await deciding.release(session, runtime, rules, viewer, case, draft)
        text = draft.text
    response.headers["ETag"] = etag(case.version)
    response.headers["Cache-Control"] = "no-store"
    return Released(decision=body.decision, text=text, version=case.version)


async def _reach(
    request: Request, session: Session, who: Principal, case_id: UUID, *, lock: bool = False
) -> tuple[Viewer, CaseFile]:
    """The case and its request, for those who work the team's queue where it is served."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=lock)
    if not viewer.works(ROUTE, case.school_la or case.la) or not case.decision.get("gate"):
        raise not_found()
    return viewer, case


def _finding(found: Found) -> Finding:
    return Finding(field=found.field, start=found.start, end=found.end, kind=found.kind)


def _shown(case: CaseFile) -> DisclosureRequest:
    gate = case.decision["gate"]
    return DisclosureRequest(
        case_id=case.id,
        audience=gate["audience"],
        gate=gate,
        police_agreed=str(case.facts.get("police_agreed", "no")),
        decided=case.disclosure,
        decided_at=case.disclosure_at,
        letters=[
            LetterView(
                id=letter.id,
                title=letter.title,
                text=letter.text,
                fields=[
                    LetterField(
                        name=one.name, label=one.label, choices=list(one.choices), most=one.most
                    )
                    for one in letter.fields
                ],
            )
            for letter in letters_for(gate["audience"])
        ],
        version=case.version,
    )
