"""Opens what a case holds of people: the reading is recorded first, or nothing is shown."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, reach_case
from escalation.announcing import PRODUCER
from escalation.models import CaseEvent, SealedDetail
from escalation.viewer import Viewer, viewer_of
from shared.app import Runtime, runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.events.access import DetailsRead
from shared.events.note_commitments import parted
from shared.outbox import commit, emit
from shared.sealing import Opener, SealBroken

log = structlog.get_logger(__name__)
router = APIRouter()
Reader = Annotated[Principal, Depends(requires("worker", "manager", "dsl", "deputy_dsl"))]
Reason = Literal["triage", "decision", "call_back", "strategy_discussion", "handover", "complaint"]
ForWhat = Reason | Literal["release_check", "question"]


class Opened(BaseModel):
    """content: what the school sent, or null where the seal is broken or its key is gone."""

    received_at: datetime
    content: Any


class Note(BaseModel):
    """salt: with the text it proves the `note_commitment` of the event in the audit log; null of
    what was sealed elsewhere."""

    at: datetime
    kind: str
    text: str | None
    salt: str | None = None


class Details(BaseModel):
    case_id: UUID
    details: list[Opened]
    notes: list[Note]


@router.get("/v1/cases/{case_id}/details", tags=["cases"])
async def read_details(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Reader,
    case_id: UUID,
    reason: Reason,
) -> Details:
    """Names and narrative, oldest first. Who read it, and why, is in the audit log for good."""
    runtime = runtime_of(request)
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id)
    if runtime.opener is None:
        raise _closed()
    sealed = await _sealed(session, case.id)
    await _record(session, runtime, viewer, case.id, reason)
    response.headers["Cache-Control"] = "no-store"
    context = str(case.id)
    details, notes = sealed
    return Details(
        case_id=case.id,
        details=[
            Opened(received_at=d.received_at, content=_content(runtime.opener, d.sealed, context))
            for d in details
        ],
        notes=[_note(runtime.opener, note, context) for note in notes],
    )


async def opened_details(
    session: AsyncSession, runtime: Runtime, viewer: Viewer, case_id: UUID, reason: ForWhat
) -> list[Any]:
    """What the school sent, oldest first, for a check by the machine; recorded as a reading.

    Commits: what the session had locked is let go.
    """
    opener = runtime.opener
    if opener is None:
        raise _closed()
    details, _ = await _sealed(session, case_id)
    await _record(session, runtime, viewer, case_id, reason)
    contents = [_content(opener, one.sealed, str(case_id)) for one in details]
    if any(content is None for content in contents):
        raise _closed()  # what cannot be opened cannot be checked against
    return contents


async def opened_notes(  # noqa: PLR0917 - the parts of one reading
    session: AsyncSession,
    runtime: Runtime,
    viewer: Viewer,
    notes: Sequence[CaseEvent],
    case_id: UUID,
    reason: ForWhat,
) -> list[Note]:
    """Some notes of the case and nothing else of it; recorded as a reading. Commits."""
    if runtime.opener is None:
        raise _closed()
    await _record(session, runtime, viewer, case_id, reason)
    return [_note(runtime.opener, note, str(case_id)) for note in notes]


async def _sealed(
    session: AsyncSession, case_id: UUID
) -> tuple[list[SealedDetail], list[CaseEvent]]:
    details = await session.exec(
        select(SealedDetail)
        .where(col(SealedDetail.case_id) == case_id)
        .order_by(col(SealedDetail.received_at), col(SealedDetail.id))
    )
    notes = await session.exec(
        select(CaseEvent)
        .where(col(CaseEvent.case_id) == case_id, col(CaseEvent.sealed_note).is_not(None))
        .order_by(col(CaseEvent.id))
    )
    return list(details), list(notes)


async def _record(
    session: AsyncSession, runtime: Runtime, viewer: Viewer, case_id: UUID, reason: ForWhat
) -> None:
    """COMMIT POINT: a crash just after it leaves a reading on record that nobody had, which is
    the right way round."""
    now = runtime.clock.now()
    data = DetailsRead(
        case_id=case_id, actor_ref=viewer.ref, role=viewer.role, reason=reason, at=now
    )
    emit(session, "details.read", case_id, data, producer=PRODUCER, at=now)
    try:
        await commit(session)
    except (SQLAlchemyError, OSError) as error:
        log.error("a reading could not be recorded", error=type(error).__name__)
        raise _closed() from None
    runtime.doorbell.ring()


def _closed() -> Problem:
    detail = "The reading cannot be recorded or opened now, so nothing is shown. Try again soon."
    return Problem(503, "details-closed", detail, headers={"Retry-After": "5"})


def _content(opener: Opener, sealed: str, context: str) -> Any:
    content = _opened(opener, sealed, context)
    if content is None:
        return None
    text = content.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _note(opener: Opener, note: CaseEvent, context: str) -> Note:
    content = _opened(opener, note.sealed_note, context)
    if content is None:
        return Note(at=note.at, kind=note.kind, text=None)
    text, salt = parted(content)
    shown = urlsafe_b64encode(salt).rstrip(b"=").decode() if salt else None
    return Note(at=note.at, kind=note.kind, text=text, salt=shown)


def _opened(opener: Opener, sealed: str | None, context: str) -> bytes | None:
    if sealed is None:
        return None
    try:
        return opener.open("details", sealed, context=context)
    except SealBroken:
        log.error("sealed details do not open")
        return None
