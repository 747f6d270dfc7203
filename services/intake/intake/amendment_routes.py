"""Saying more about a concern, and asking whether others may be told of it."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.accepting import Asked, accept, excluded_from, plain_issues, read_body_of
from intake.amending import Said, amend, widen
from intake.answers import Told, answer
from intake.authority import WRITE_SCOPE
from intake.bodies import read_body
from intake.desk import Desk, desk_of
from intake.models import Concern, Submission
from intake.reading import body_digest
from intake.reading.issues import Issues
from intake.reading.parse import read_json
from intake.routes import JSON_BODY, Raiser, idempotency_key, responded, traceparent
from intake.status import erased, seen_concern
from shared.app import open_session
from shared.auth import forbidden
from shared.errors import Problem
from shared.outbox import commit
from shared.sealing import match_key

router = APIRouter(prefix="/v1")

Session = Annotated[AsyncSession, Depends(open_session)]
# What an amendment need not say again, and a request to tell others never says.
_NOT_MISSED: Final = frozenset({"urn_missing", "no_child", "no_concern"})
_NOT_ASKED: Final = frozenset({"no_child", "no_concern"})


@router.post("/concerns/{concern_id}/amendments", openapi_extra=JSON_BODY)
async def post_amendment(
    concern_id: UUID, request: Request, who: Raiser, session: Session
) -> Response:
    """Adds to a concern what is known now. Nothing said here lowers what was decided."""
    desk = desk_of(request)
    desk.limiter.spend(who.client)
    body, _ = await read_body(request)
    asked = Asked(who, body, traceparent=traceparent(request))
    return await _amended(desk, session, concern_id, asked)


@router.post("/disclosure-requests", status_code=201, openapi_extra=JSON_BODY)
async def post_disclosure_request(request: Request, who: Raiser, session: Session) -> Response:
    """Asks whether anyone beyond those with a duty may be told; `gate` is the answer.

    With a `concern_id` it belongs to that concern; without one it is taken in as its own.
    """
    desk = desk_of(request)
    desk.limiter.spend(who.client)
    body, dropped = await read_body(request)
    given, concern_id = _request_to_tell(body)
    asked = Asked(
        who,
        given,
        dropped,
        idempotency_key(request),
        traceparent=traceparent(request),
        not_missed=_NOT_ASKED,
    )
    if concern_id is not None:
        return await _amended(desk, session, concern_id, asked)
    return responded(await accept(desk, asked))


def _request_to_tell(body: bytes) -> tuple[dict[str, Any], UUID | None]:
    """As a submission. An audience that is not said is not known, and that is never allowed."""
    try:
        given = read_json(body, Issues())
        concern_id = given.pop("concern_id", None) if isinstance(given, dict) else None
        named = None if concern_id is None else UUID(str(concern_id))
    except ValueError:
        detail = "The body is not readable JSON, or `concern_id` is not an id. Nothing was stored."
        raise Problem(400, "unreadable", detail) from None
    if not isinstance(given, dict):
        raise Problem(400, "unreadable", "The body is a JSON object. Nothing was stored.")
    said = given.get("facts")
    facts: dict[str, Any] = said if isinstance(said, dict) else {}
    audience = given.pop("audience", None) or given.pop("disclosure_request", None)
    audience = audience or facts.get("disclosure_request") or "unknown"
    return {**given, "facts": {**facts, "disclosure_request": audience}}, named


async def _amended(desk: Desk, session: AsyncSession, concern_id: UUID, asked: Asked) -> Response:
    who = asked.who
    if who.kind == "client" and WRITE_SCOPE not in who.scopes:
        raise forbidden()
    runtime = desk.runtime
    now, secret = runtime.clock.now(), runtime.secret
    concern, submission = await seen_concern(session, who, concern_id, secret, now)
    # Locked first, so that of two amendments the later one is decided on top of the earlier.
    await session.refresh(concern, with_for_update=True)
    if concern.erased_at is not None:  # while this waited: nothing may come back
        raise erased()
    read = read_body_of(desk, asked.body)
    issues = tuple(plain_issues(read, _NOT_MISSED))
    ref = match_key(secret, "body", body_digest(read.raw))
    one = read.subjects[0]
    keys = [(kind, match_key(secret, kind, value)) for kind, value in one.match_inputs]
    excluded = await excluded_from(desk, read, submission.urn)
    said = Said(read, one, keys, submission.school_la, ref, issues, excluded, asked.traceparent)
    decision = await amend(session, desk, said, concern)
    await widen(session, excluded, submission.id)
    # COMMIT POINT: before it nothing was amended; after it the same body is answered the same.
    await commit(session)
    runtime.doorbell.ring()
    return _answer(concern, submission, decision, said)


def _answer(
    concern: Concern, submission: Submission, decision: dict[str, Any], said: Said
) -> Response:
    ref, role = concern.subject_ref, concern.subject_role
    told = [Told(concern.id, ref, role, ref, decision)]
    at = said.read.received_at.isoformat()
    body = answer(submission.id, submission.received_at, told, said.issues, 0, amended_at=at)
    return Response(body, 200, media_type="application/json")
