"""A school says that it disagrees with the hub; the hub answers; the school says it is settled."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from escalation.access import Session, own_team_tasks, reach_case, rules_of
from escalation.follow_up import follow_ups, supersede
from escalation.ladder import (
    SENIOR,
    TOP,
    climb,
    open_disagreement,
    tell_disagreement,
)
from escalation.models import CaseFile, Disagreement
from escalation.notes import seal_note
from escalation.preconditions import IfMatch, etag, expect
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, forbidden, requires
from shared.errors import Problem
from shared.outbox import commit

router = APIRouter()
School = Annotated[Principal, Depends(requires("dsl", "deputy_dsl", "head", "chair"))]
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]
_Reason = Annotated[str, Field(min_length=1, max_length=4000)]
_AT_RISK = (
    "Ring 999 now if a child is in danger, and the hub or its out-of-hours team: a disagreement "
    "never comes before a child's safety."
)


class Disagrees(BaseModel):
    """reason: in writing, kept sealed with the case's details. at_risk_now: skips to the senior
    managers (R-ESC-01)."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: _Reason
    at_risk_now: bool = False


class Reasoned(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: _Reason


class DisagreementView(BaseModel):
    """stage: 1 to 4. by: until when the step is to be answered. advice: what comes first."""

    case_id: UUID
    stage: int
    state: Literal["open", "answered", "settled"]
    opened_at: datetime
    by: datetime
    advice: str | None = None


@router.post("/v1/cases/{case_id}/disagreement", tags=["cases"])
async def disagree(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: School,
    case_id: UUID,
    body: Disagrees,
    if_match: IfMatch = None,
) -> DisagreementView:
    """Opens the ladder of R-ESC-04, or takes an open disagreement one step up."""
    viewer, case = await _locked(request, session, who, case_id, if_match)
    current = await open_disagreement(session, case)
    stage = 1 if current is None else current.stage + 1
    if body.at_risk_now:
        stage = max(stage, SENIOR)
    if stage > TOP:
        detail = "This is at the last step already. Ring the safeguarding partnership."
        raise Problem(409, "last-step", detail, version=case.version)
    note = seal_note(runtime_of(request).sealer, case, body.reason)
    disagreement = await climb(
        session, case, rules_of(request), to=stage, actor_ref=viewer.ref, note=note
    )
    # COMMIT POINT: after it the step has its tasks and its clock; before it nothing was said.
    await commit(session)
    runtime_of(request).doorbell.ring()
    return _shown(response, case, disagreement, _AT_RISK if body.at_risk_now else None)


@router.post("/v1/cases/{case_id}/disagreement/answer", tags=["cases"])
async def answer(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: Reasoned,
    if_match: IfMatch = None,
) -> DisagreementView:
    """The hub's answer, in writing. Whether that settles it is the school's to say."""
    viewer, case = await _locked(request, session, who, case_id, if_match)
    mine = [t for t in await own_team_tasks(session, viewer, case_id) if t.kind == "disagreement"]
    if not mine:
        raise forbidden()
    disagreement = await _current(session, case)
    now = runtime_of(request).clock.now()
    disagreement.answered_at, disagreement.answered_by_ref = now, viewer.ref
    await supersede(session, mine, now)
    note = seal_note(runtime_of(request).sealer, case, body.reason)
    tell_disagreement(session, case, disagreement, "answered", now, viewer.ref, note)
    # COMMIT POINT: after it the answer stands; before it the school still waits for one.
    await commit(session)
    runtime_of(request).doorbell.ring()
    return _shown(response, case, disagreement)


@router.post("/v1/cases/{case_id}/disagreement/settle", tags=["cases"])
async def settle(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: School,
    case_id: UUID,
    body: Reasoned,
    if_match: IfMatch = None,
) -> DisagreementView:
    """The school no longer disagrees; why is kept."""
    viewer, case = await _locked(request, session, who, case_id, if_match)
    disagreement = await _current(session, case)
    now = runtime_of(request).clock.now()
    disagreement.settled_at, disagreement.settled_by_ref = now, viewer.ref
    await supersede(session, await follow_ups(session, case, "disagreement"), now)
    note = seal_note(runtime_of(request).sealer, case, body.reason)
    tell_disagreement(session, case, disagreement, "settled", now, viewer.ref, note)
    # COMMIT POINT: after it no step follows; before it the ladder goes on.
    await commit(session)
    runtime_of(request).doorbell.ring()
    return _shown(response, case, disagreement)


async def _locked(
    request: Request, session: Session, who: Principal, case_id: UUID, if_match: str | None
) -> tuple[Viewer, CaseFile]:
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    expect(case.version, if_match)
    return viewer, case


async def _current(session: Session, case: CaseFile) -> Disagreement:
    current = await open_disagreement(session, case)
    if current is None:
        detail = "There is no open disagreement in this case. Look at it again."
        raise Problem(409, "no-disagreement", detail, version=case.version)
    return current


def _shown(
    response: Response, case: CaseFile, disagreement: Disagreement, advice: str | None = None
) -> DisagreementView:
    response.headers["ETag"] = etag(case.version)
    return view_of(disagreement, advice)


def view_of(disagreement: Disagreement, advice: str | None = None) -> DisagreementView:
    return DisagreementView(
        case_id=disagreement.case_id,
        stage=disagreement.stage,
        state=_state(disagreement),
        opened_at=disagreement.opened_at,
        by=disagreement.by,
        advice=advice,
    )


def _state(disagreement: Disagreement) -> Literal["open", "answered", "settled"]:
    if disagreement.settled_at is not None:
        return "settled"
    return "open" if disagreement.answered_at is None else "answered"
