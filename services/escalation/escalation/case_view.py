"""One case as those who work it see it: the decision with its reasons, tasks, history, links."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlmodel import col, select

from escalation.access import Session, reach_case, rules_of
from escalation.conflicts import Shown, siblings
from escalation.disagreement import DisagreementView, view_of
from escalation.known_to import links_known, sight_of
from escalation.links import LinkedCase, linked_cases
from escalation.models import CaseEvent, CaseFile, Disagreement, Task
from escalation.preconditions import etag
from escalation.rows import OwnTaskRow, own_task_row
from escalation.viewer import Viewer, viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.events.data_issues import explained

router = APIRouter()
Reader = Annotated[
    Principal, Depends(requires("worker", "manager", "dsl", "deputy_dsl", "head", "chair"))
]


class HistoryEntry(BaseModel):
    at: datetime
    kind: str
    actor_ref: str | None
    detail: dict[str, Any]
    has_note: bool


class EarlierDecision(BaseModel):
    """Stood until the case was opened again."""

    outcome: str
    decided_at: datetime
    reopened_at: datetime


class CaseView(BaseModel):
    """outcome: of the decision that stands; `earlier` those that do not, oldest first. answer_by:
    until when the hub is to say what it will do."""

    case_id: UUID
    incident_id: UUID | None
    subject_ref: str | None
    subject_role: str
    urn: str | None
    la: str | None
    priority: str
    unprocessed: bool
    quarantined: bool
    synthetic: bool
    discovered_at: datetime | None
    received_at: datetime
    opened_at: datetime
    facts: dict[str, Any]
    data_issues: list[dict[str, str]]
    decision: dict[str, Any]
    rating: str | None
    outcome: str | None
    decided_at: datetime | None
    decided_by_ref: str | None
    answer_by: datetime | None
    earlier: list[EarlierDecision]
    entered_in_error_at: datetime | None
    held: bool
    erased_at: datetime | None
    siblings: int
    tasks: list[OwnTaskRow]
    history: list[HistoryEntry]
    linked: list[LinkedCase]
    disagreements: list[DisagreementView]
    version: int


@router.get("/v1/cases/{case_id}", tags=["cases"])
async def read_case(
    request: Request, response: Response, session: Session, who: Reader, case_id: UUID
) -> CaseView:
    """Facts and reasons, no names: those are in `details`, and reading them is recorded."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id)
    return await show_case(request, response, session, viewer, case)


async def show_case(
    request: Request, response: Response, session: Session, viewer: Viewer, case: CaseFile
) -> CaseView:
    now = runtime_of(request).clock.now()
    sight = await sight_of(session, viewer, rules_of(request), [case])
    case = sight.case(case)
    count = (await session.exec(select(siblings(viewer)).where(col(Shown.id) == case.id))).one()
    tasks = await session.exec(
        select(Task).where(col(Task.case_id) == case.id).order_by(col(Task.rank), col(Task.id))
    )
    events = await session.exec(
        select(CaseEvent)
        .where(col(CaseEvent.case_id) == case.id, links_known(viewer))
        .order_by(col(CaseEvent.id))
    )
    history = list(events)
    disagreements = await session.exec(
        select(Disagreement)
        .where(col(Disagreement.case_id) == case.id)
        .order_by(col(Disagreement.id))
    )
    response.headers["ETag"] = etag(case.version)
    response.headers["Cache-Control"] = "no-store"
    same = set(CaseView.model_fields) & set(CaseFile.model_fields) - {"data_issues"}
    return CaseView(
        case_id=case.id,
        siblings=count,
        data_issues=[explained(issue) for issue in case.data_issues],
        tasks=[own_task_row(sight.task(task), case, count, viewer, now) for task in tasks],
        history=[_entry(event) for event in history],
        earlier=[_earlier(event) for event in history if event.kind == "reopened"],
        linked=await linked_cases(session, viewer, case),
        disagreements=[view_of(one) for one in disagreements],
        **{name: getattr(case, name) for name in same},
    )


def _earlier(event: CaseEvent) -> EarlierDecision:
    outcome, at = event.detail["code"], event.detail["decided_at"]
    return EarlierDecision(outcome=outcome, decided_at=at, reopened_at=event.at)


def _entry(event: CaseEvent) -> HistoryEntry:
    return HistoryEntry(
        at=event.at,
        kind=event.kind,
        actor_ref=event.actor_ref,
        detail=event.detail,
        has_note=event.sealed_note is not None,
    )
