"""The live updates of a queue's page: server-sent events that htmx puts into the table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from escalation.live import KEPT, Desk, Feed
from escalation.queue import authority_of, read_place
from escalation.viewer import viewer_of
from escalation.web.live_board import Board
from escalation.web.live_ends import Ends
from escalation.web.live_page import OpenPage, Page
from escalation.web.triage_rows import narrowed
from shared.app import Runtime, runtime_of
from shared.auth import Principal
from shared.web import signed_in

router = APIRouter(include_in_schema=False)
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]
# So often something is sent, that nothing between takes a quiet stream for a dead one.
_PING_EVERY: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RELOAD: Final = "event: handrail:reload\ndata: now\n\n"


class Asked(BaseModel):
    """What of the queue the page shows, the last change that it knows of, and when it was read,
    in seconds. rows: of each task on it the end of its id, eight characters, one after another."""

    after: str | None = None
    until: str | None = None
    has: str = ""
    overdue: str = ""
    priority: str = ""
    seen: int = 0
    at: int = 0
    rows: str = ""

    @property
    def listed(self) -> frozenset[str]:
        return frozenset(self.rows[at : at + 8] for at in range(0, len(self.rows), 8))


@dataclass(frozen=True)
class Live:
    """What live updates need in a process, in `app.state.live`."""

    feed: Feed
    board: Board
    ends: Ends


def live_in(app: FastAPI) -> Live:
    runtime: Runtime = app.state.runtime
    board = Board(runtime.sessions, runtime.clock)
    return Live(Feed(runtime.sessions, runtime.clock), board, Ends())


@router.get("/triage/{route}/{la}/live")
async def live(  # noqa: PLR0917 - one parameter for each part of the request
    request: Request,
    who: Worker,
    route: str,
    la: str,
    asked: Annotated[Asked, Query()],
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    viewer = viewer_of(request, who)
    la = authority_of(viewer, route, la)
    page = Page(
        read_place(asked.after),
        read_place(asked.until),
        narrowed(asked.has, asked.overdue, asked.priority),
    )
    since = int(last_event_id) if last_event_id and last_event_id.isdecimal() else asked.seen
    age = runtime_of(request).clock.now().timestamp() - asked.at
    # A page that has heard of no change at all may have slept through some.
    known = since > 0 or age < KEPT.total_seconds()
    read = datetime.fromtimestamp(asked.at, UTC) if asked.at else runtime_of(request).clock.now()
    live: Live = request.app.state.live
    shown = OpenPage(request, live.board, viewer, (route, la), page, read, asked.listed)
    events = _events(request, shown, since) if known else _reload()
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)


async def _reload() -> AsyncIterator[str]:
    yield _RELOAD


async def _events(request: Request, page: OpenPage, since: int) -> AsyncIterator[str]:
    """No session is held: each look has its own, for as long as it takes."""
    live: Live = request.app.state.live
    yield ": open\n\n"
    with live.ends.of(request) as ended, live.board.place(page.viewer):
        async with live.feed.desk(*page.queue, since) as desk:
            desk.struck = runtime_of(request).clock.now()
            while not ended.is_set():
                if desk.overrun:
                    yield _RELOAD
                    return
                since, said = await _said(page, desk, since, runtime_of(request).clock.now())
                if said:
                    yield f"id: {since}\n{said}\n"
                    continue
                with suppress(TimeoutError):
                    await _first(desk.woken, ended)
                    continue
                yield ": still here\n\n"


async def _said(page: OpenPage, desk: Desk, since: int, now: datetime) -> tuple[int, str]:
    """What has changed and what the clock has moved since the desk was last asked, with the last
    change of it; nothing where there is none."""
    changed, struck = desk.taken(), desk.struck
    desk.struck = None
    said = ""
    if changed:
        said = await page.changed(changed)
        desk.wakes_at = _sooner(desk.wakes_at, page.moves_at(now, changed))
    if struck is not None:
        said += await page.passed(struck)
        desk.wakes_at = page.moves_at(struck)
    return max(since, *changed.values()) if changed else since, said


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


async def _first(*events: asyncio.Event) -> None:
    """Waits for one of them; TimeoutError where none comes for a while."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(
            waits, timeout=_PING_EVERY, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for wait in waits:
            wait.cancel()
    if not done:
        raise TimeoutError
