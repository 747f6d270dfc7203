"""A case goes to a named colleague. Whoever has it keeps it until the colleague takes it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from escalation.access import Session, own_team_tasks, reach_case
from escalation.announcing import PRODUCER
from escalation.case_view import CaseView, show_case
from escalation.history import remember
from escalation.models import Exclusion
from escalation.preconditions import IfMatch, expect
from escalation.viewer import viewer_of
from shared.app import runtime_of
from shared.auth import Principal, requires
from shared.errors import Problem
from shared.events.cases import CaseOffered
from shared.outbox import commit, emit
from shared.sealing import account_ref

router = APIRouter()
Worker = Annotated[Principal, Depends(requires("worker", "manager"))]


class Offer(BaseModel):
    """to: the colleague's account, as their sign-in names it. It is kept as a keyed hash."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    to: Annotated[str, Field(min_length=1, max_length=200)]


@router.post("/v1/cases/{case_id}/hand-over", tags=["cases"])
async def hand_over(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    response: Response,
    session: Session,
    who: Worker,
    case_id: UUID,
    body: Offer,
    if_match: IfMatch = None,
) -> CaseView:
    """Offers what the caller has in the case. The colleague claims it, and only then it is theirs:
    a case is never between two people."""
    viewer = viewer_of(request, who)
    case = await reach_case(session, viewer, case_id, lock=True)
    runtime = runtime_of(request)
    to = account_ref(runtime.secret, body.to)
    mine = [
        task
        for task in await own_team_tasks(session, viewer, case_id)
        if task.claimed_by_ref == viewer.ref
    ]
    if not mine:
        raise Problem(409, "not-yours", "You have nothing in this case to hand over. Claim it.")
    if to == viewer.ref:
        raise Problem(422, "to-oneself", "Name a colleague: this is your own account.")
    if await session.get(Exclusion, (case.id, to)) is not None:
        detail = "This colleague cannot take the case. Name another."
        raise Problem(422, "cannot-take", detail)
    if any(task.offered_to_ref != to for task in mine):
        expect(case.version, if_match)
        now = runtime.clock.now()
        for task in mine:
            task.offered_to_ref = to
            task.version += 1
        case.version += 1
        remember(session, case.id, "offered", now, actor_ref=viewer.ref)
        data = CaseOffered(case_id=case.id, at=now, actor_ref=viewer.ref, to_ref=to)
        emit(session, "case.offered", case.id, data, producer=PRODUCER, at=now)
        # COMMIT POINT: after it the colleague may take it; before it and until then it is ours.
        await commit(session)
        runtime.doorbell.ring()
    return await show_case(request, response, session, viewer, case)
