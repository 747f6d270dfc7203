"""The queues of the person who is signed in, and how much is in each."""

from typing import Annotated, Final

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, union_all
from sqlalchemy import select as columns
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, rules_of
from escalation.conflicts import without_conflict
from escalation.deciding import Rules
from escalation.models import CaseFile, Task
from escalation.queue import ORDER, in_queue
from escalation.viewer import Viewer, viewer_of
from escalation.web.words import authority_name, queue_name
from shared.auth import Principal
from shared.web import View, page, page_router, signed_in

router = page_router()
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]
# More than this is said as "more than": counting a million would take longer than reading a page.
_COUNTED: Final = 200


class QueueLink(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    authority: str
    href: str
    open: int
    overdue: int
    more: bool


class QueuesPage(View):
    queues: tuple[QueueLink, ...]
    manages: bool


@router.get("/triage")
async def queues(request: Request, session: Session, who: Worker) -> Response:
    viewer, rules = viewer_of(request, who), rules_of(request)
    found = [
        await _link(session, viewer, rules, route, la)
        for route, la in sorted(await _teams(session, viewer))
    ]
    view = QueuesPage(title="Queues", queues=tuple(found), manages=who.holds("manager"))
    return page(request, "escalation/queues.html", view)


async def _teams(session: AsyncSession, viewer: Viewer) -> set[tuple[str, str]]:
    """Who works a route everywhere has a queue for each authority with open work."""
    found = {(route, la) for route, la in viewer.teams if la is not None}
    everywhere = [route for route, la in viewer.teams if la is None]
    if everywhere:
        open_work = columns(col(Task.route), col(Task.la)).distinct()
        rows = await session.execute(
            open_work.where(
                col(Task.route).in_(everywhere),
                col(Task.la).is_not(None),
                col(Task.closed_at).is_(None),
            )
        )
        found |= {(route, la) for route, la in rows if la is not None}
    return found


async def _link(
    session: AsyncSession, viewer: Viewer, rules: Rules, route: str, la: str
) -> QueueLink:
    now = rules.clock.now()
    arms = (
        columns(col(Task.by))
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(
            in_queue(route),
            of_authority,
            without_conflict(viewer),
        )
        .order_by(*ORDER)
        .limit(_COUNTED + 1)
        # As the queue itself: what belongs to no authority yet is in each one's.
        for of_authority in (col(Task.la) == la, col(Task.la).is_(None))
    )
    some = union_all(*(columns(arm.subquery().c.by) for arm in arms)).subquery()
    late = func.count().filter(some.c.by < now)
    number, overdue = (await session.execute(columns(func.count(), late))).one()
    return QueueLink(
        name=queue_name(route),
        authority=authority_name(rules, la),
        href=f"/triage/{route}/{la}",
        open=min(number, _COUNTED),
        overdue=min(overdue, _COUNTED),
        more=number > _COUNTED,
    )
