"""The end of a shift as a page: the brief to read or print, and the name of who takes over."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from escalation.access import Session, not_found, rules_of
from escalation.deciding import Rules
from escalation.queue import authority_of
from escalation.shift.brief import Brief, Item, brief_of
from escalation.shift.giving import give, known_cases, name_in, next_shifts, take
from escalation.shift.models import Handover
from escalation.shift.routes import given_brief, times_of, waiting
from escalation.viewer import Viewer, viewer_of
from escalation.web.shift_words import WHY, reference
from escalation.web.words import authority_name, queue_name
from shared.app import Runtime, runtime_of
from shared.auth import Principal
from shared.web import View, page, page_router, posted, signed_in
from shared.web.state import session_of
from shared.web.times import Deadline, deadline, said

router = page_router()
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class Row(_Part):
    """href: where the reader may open the case. said: why it is to be spoken of; may be empty."""

    reference: str
    href: str | None
    priority: str
    types: str
    school: str
    by: Deadline
    has_it: str
    said: tuple[str, ...]


class Given(_Part):
    """A handover that waits. late: nobody took it in the first half hour of the shift."""

    id: UUID
    giver: str
    queue: str
    to: str
    at: str
    late: bool
    mine_to_take: bool
    rows: tuple[Row, ...]


class Taken(_Part):
    taker: str
    queue: str
    at: str


class NextShift(_Part):
    """words: what the button says."""

    route: str
    words: str


class HandoverPage(View):
    """waiting: given to this queue or by it. rows: what else is unfinished in the queue."""

    here: str
    queue: str
    queue_href: str
    authority: str
    name: str
    now: str
    until: str
    waiting: tuple[Given, ...]
    taken: Taken | None
    next_shifts: tuple[NextShift, ...]
    rows: tuple[Row, ...]


@router.get("/triage/handover/{route}/{la}")
async def handover(
    request: Request, session: Session, who: Worker, route: str, la: str
) -> Response:
    viewer, rules, runtime = viewer_of(request, who), rules_of(request), runtime_of(request)
    la = authority_of(viewer, route, la)
    now, until = times_of(rules, la)
    brief = await brief_of(session, viewer, route, la, now, until)
    given = [
        await _given(session, runtime, rules, viewer, row, known)
        for row, known in await waiting(session, viewer)
        if row.la == la and route in {row.route, row.to_route}
    ]
    mine = _rows(brief, viewer, rules, open_from_here=True)
    listed = {row.reference for one in given if one.queue == queue_name(route) for row in one.rows}
    view = HandoverPage(
        title="Shift handover",
        here=_here(route, la),
        queue=queue_name(route),
        queue_href=f"/triage/{route}/{la}",
        authority=authority_name(rules, la),
        name=_name(request, who),
        now=said(now, now),
        until=said(until, now),
        waiting=tuple(given),
        taken=await _last_taken(session, runtime, rules, viewer, route, la),
        next_shifts=tuple(_next_shift(route, to) for to in next_shifts(route)),
        rows=tuple(row for row in mine if row.reference not in listed),
    )
    return page(request, "escalation/shift-handover.html", view)


@router.post("/triage/handover/{route}/{la}/give")
async def give_over(
    request: Request, session: Session, who: Worker, route: str, la: str
) -> Response:
    viewer, rules, runtime = viewer_of(request, who), rules_of(request), runtime_of(request)
    la = authority_of(viewer, route, la)
    to = (await posted(request)).text("to")
    await give(session, runtime, rules, viewer, _name(request, who), (route, to, la))
    return RedirectResponse(_here(route, la), 303)


@router.post("/triage/handover/{route}/{la}/take")
async def take_over(
    request: Request, session: Session, who: Worker, route: str, la: str
) -> Response:
    viewer, rules, runtime = viewer_of(request, who), rules_of(request), runtime_of(request)
    try:
        handover_id = UUID((await posted(request)).text("handover"))
    except ValueError:
        raise not_found() from None
    await take(session, runtime, rules, viewer, _name(request, who), handover_id)
    return RedirectResponse(_here(route, la), 303)


def _here(route: str, la: str) -> str:
    return f"/triage/handover/{route}/{la}"


def _name(request: Request, who: Principal) -> str:
    """As their sign-in names them."""
    session = session_of(request)
    return session.name if session and session.name else who.subject


def _next_shift(route: str, to: str) -> NextShift:
    same = "Hand over to the next shift of this queue"
    words = same if to == route else f"Hand over to: {queue_name(to)}"
    return NextShift(route=to, words=words)


async def _given(  # noqa: PLR0917 - the parts of the answer
    session: Session,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    row: Handover,
    known: list[UUID],
) -> Given:
    now = rules.clock.now()
    brief = await given_brief(session, viewer, rules, row, known)
    return Given(
        id=row.id,
        giver=name_in(runtime, row.given_by, row.id) or "a colleague",
        queue=queue_name(row.route),
        to=queue_name(row.to_route),
        at=said(row.given_at, now),
        late=row.due_at <= now,
        mine_to_take=viewer.works(row.to_route, row.la),
        rows=_rows(brief, viewer, rules, open_from_here=viewer.works(row.route, row.la)),
    )


async def _last_taken(  # noqa: PLR0917 - the parts of the question
    session: Session, runtime: Runtime, rules: Rules, viewer: Viewer, route: str, la: str
) -> Taken | None:
    rows = await session.exec(
        select(Handover)
        .where(
            col(Handover.to_route) == route,
            col(Handover.la) == la,
            col(Handover.taken_at).is_not(None),
        )
        .order_by(col(Handover.taken_at).desc())
        .limit(1)
    )
    row = rows.first()
    if row is None or row.taken_at is None or not await known_cases(session, viewer, [row]):
        return None
    return Taken(
        taker=name_in(runtime, row.taken_by, row.id) or "a colleague",
        queue=queue_name(row.route),
        at=said(row.taken_at, rules.clock.now()),
    )


def _rows(brief: Brief, viewer: Viewer, rules: Rules, *, open_from_here: bool) -> tuple[Row, ...]:
    return tuple(_row(item, viewer, rules, open_from_here) for item in brief.items)


def _row(item: Item, viewer: Viewer, rules: Rules, open_from_here: bool) -> Row:
    holder = item.claimed_by_ref
    return Row(
        reference=reference(item.case_id),
        # Relative: what begins with a slash is written out beside the link on paper.
        href=f"../../cases/{item.case_id}" if open_from_here else None,
        priority=item.priority,
        types=", ".join(name.replace("_", " ") for name in item.concern_types),
        school=item.urn or "not known",
        by=deadline(item.by, rules.clock.now()),
        has_it="Nobody" if holder is None else "You" if holder == viewer.ref else "Someone else",
        said=tuple(WHY[why] for why in item.why if why in WHY),
    )
