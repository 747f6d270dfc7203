"""The page of one queue: its rows, parts of it, finding a case, and taking the next one."""

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Text, cast, func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import Session, rules_of
from escalation.conflicts import may_open
from escalation.models import CaseFile, QueueChange, Task
from escalation.queue import authority_of, read_place, write_place_of
from escalation.ranking import PRIORITIES
from escalation.take_next import take_next
from escalation.viewer import Viewer, viewer_of
from escalation.web.live_page import ending
from escalation.web.triage_rows import Narrowed, Row, find_page, narrowed, reference_of
from escalation.web.words import authority_name, queue_name
from shared.app import runtime_of
from shared.auth import Principal
from shared.errors import Problem
from shared.web import Fault, View, page, page_router, posted, signed_in

router = page_router()
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]
_LAST: Final = re.compile(r"[0-9a-f]{8}")
_MOST_FOUND: Final = 20
_SAID: Final[Mapping[str, str]] = {
    "all-taken": "Everything here is taken, or waits for a school’s call. You were given nothing.",
    "look-again": (
        "What you have has changed since you opened the page, so nothing was taken. "
        "Press the button again if you want the next one."
    ),
}
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:ref, 0))")


class Asked(BaseModel):
    """What the address of the page says."""

    after: str | None = None
    has: str = ""
    overdue: str = ""
    priority: str = ""
    reference: str = ""
    said: str = ""


class CaseLink(BaseModel):
    model_config = ConfigDict(frozen=True)

    reference: str
    href: str


class QueueView(View):
    """held: how many tasks the reader has; a form that was sent twice is known by it.

    live: the address of the page's live updates. searched, found: what was looked for, and cases.
    """

    name: str
    authority: str
    here: str
    rows: tuple[Row, ...]
    part: Narrowed
    priorities: tuple[str, ...] = PRIORITIES
    later: bool
    next: str | None
    held: int
    live: str
    said: str
    searched: str
    found: tuple[CaseLink, ...]


@router.get("/triage/{route}/{la}")
async def queue(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    session: Session,
    who: Worker,
    route: str,
    la: str,
    asked: Annotated[Asked, Query()],
) -> Response:
    viewer, now = viewer_of(request, who), runtime_of(request).clock.now()
    authority_of(viewer, route, la)
    found, faults = await _search(session, viewer, asked.reference)
    if len(found) == 1:
        return RedirectResponse(found[0].href, 303)
    part = narrowed(asked.has, asked.overdue, asked.priority)
    after, here = asked.after, f"/triage/{route}/{la}"
    # Before the rows are read: what changes from here on is told by the stream.
    seen = str((await session.exec(select(func.max(QueueChange.seq)))).one() or 0)
    rows, place = await find_page(session, viewer, route, la, read_place(after), part, now)
    until = write_place_of(place) if place else ""
    at = str(int(now.timestamp()))
    listed = "".join(ending(one.task.id) for one in rows)
    bounds = {"after": after or "", "until": until, "seen": seen, "at": at, "rows": listed}
    view = QueueView(
        title=f"{queue_name(route)}: queue",
        faults=faults,
        name=queue_name(route),
        authority=authority_name(rules_of(request), la),
        here=here,
        rows=tuple(one.row(viewer, now) for one in rows),
        part=part,
        later=after is not None,
        next=_address(here, part, after=until) if until else None,
        held=await held_by(session, viewer),
        live=_address(f"{here}/live", part, **{name: at for name, at in bounds.items() if at}),
        said=_SAID.get(asked.said, ""),
        searched=asked.reference,
        found=found,
    )
    return page(request, "escalation/queue.html", view)


@router.post("/triage/{route}/{la}/take")
async def take(
    request: Request, session: Session, who: Worker, route: str, la: str
) -> RedirectResponse:
    """Two who press at once get two cases; one who presses twice gets one."""
    viewer = viewer_of(request, who)
    here = f"/triage/{route}/{authority_of(viewer, route, la)}"
    sent = (await posted(request)).text("held")
    # Until the first of two equal requests has committed, the second does not look.
    await session.execute(_ONE_AT_A_TIME, {"ref": viewer.ref})
    held = await held_by(session, viewer)
    if sent != str(held):
        more = sent.isdecimal() and int(sent[:9]) < held
        case_id = await _last_taken(session, viewer) if more else None
        if case_id is None:
            return RedirectResponse(f"{here}?said=look-again", 303)
        return RedirectResponse(f"/triage/cases/{case_id}?done=taken-before", 303)
    try:
        taken = await take_next(request, Response(), session, who, route, la)
    except Problem as problem:
        if problem.code != "queue-taken":
            raise
        return RedirectResponse(f"{here}?said=all-taken", 303)
    return RedirectResponse(f"/triage/cases/{taken.case_id}?done=taken", 303)


async def held_by(session: AsyncSession, viewer: Viewer) -> int:
    mine = select(func.count()).select_from(Task).where(*_mine(viewer))
    return (await session.exec(mine)).one()


async def _last_taken(session: AsyncSession, viewer: Viewer) -> UUID | None:
    latest = select(Task.case_id).where(*_mine(viewer)).order_by(col(Task.claimed_at).desc())
    return (await session.exec(latest.limit(1))).first()


def _mine(viewer: Viewer) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Task.claimed_by_ref) == viewer.ref, col(Task.closed_at).is_(None)


async def _search(
    session: AsyncSession, viewer: Viewer, typed: str
) -> tuple[tuple[CaseLink, ...], tuple[Fault, ...]]:
    """Cases with that reference that the reader may open, in whatever queue they are."""
    if not typed.strip():
        return (), ()
    wanted = re.sub(r"[\s#]", "", typed).lower()
    if _LAST.fullmatch(wanted):
        which = func.right(cast(col(CaseFile.id), Text), 8) == wanted
    else:
        try:
            which = col(CaseFile.id) == UUID(wanted)
        except ValueError:
            return (), (_fault("Enter the last 8 characters of a reference, or all of it"),)
    query = select(CaseFile.id).where(which, may_open(viewer)).limit(_MOST_FOUND)
    ids = (await session.exec(query)).all()
    links = tuple(CaseLink(reference=reference_of(i), href=f"/triage/cases/{i}") for i in ids)
    return links, () if links else (_fault("There is no case of yours with this reference"),)


def _fault(says: str) -> Fault:
    return Fault(field="reference", says=says)


def _address(path: str, part: Narrowed, **more: str) -> str:
    asked = part.asked | more
    return f"{path}?{urlencode(asked)}" if asked else path
