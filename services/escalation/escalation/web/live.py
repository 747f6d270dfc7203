"""The live updates of a queue's page: server-sent events that htmx puts into the table."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from escalation.live import KEPT, Feed
from escalation.queue import Place, authority_of, read_place
from escalation.viewer import Viewer, viewer_of
from escalation.web.live_board import Board, Shown
from escalation.web.live_ends import Ends
from escalation.web.triage_rows import Narrowed, Row, narrowed
from shared.app import Runtime, runtime_of
from shared.auth import Principal
from shared.policy.clocks import LONDON
from shared.web import View, fragment, signed_in
from shared.web.times import clock_time

router = APIRouter(include_in_schema=False)
Worker = Annotated[Principal, Depends(signed_in("worker", "manager"))]
# So often something is sent, that nothing between takes a quiet stream for a dead one.
_PING_EVERY: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RELOAD: Final = "event: handrail:reload\ndata: now\n\n"


class Asked(BaseModel):
    """What of the queue the page shows, the last change that it knows of, and when it was read,
    in seconds."""

    after: str | None = None
    until: str | None = None
    has: str = ""
    overdue: str = ""
    priority: str = ""
    seen: int = 0
    at: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows stand on the page: those after `after`, up to `until`."""

    after: Place | None
    until: Place | None
    part: Narrowed

    def holds(self, shown: Shown) -> bool:
        place = shown.found.place
        return (
            (self.after is None or place > self.after)
            and (self.until is None or place <= self.until)
            and self.part.holds(shown.row)
        )


class RowView(View):
    row: Row


@dataclass(frozen=True)
class Live:
    """What live updates need in a process, in `app.state.live`."""

    feed: Feed
    board: Board
    ends: Ends


def live_in(app: FastAPI) -> Live:
    runtime: Runtime = app.state.runtime
    board = Board(runtime.sessions, runtime.clock)
    return Live(Feed(runtime.sessions), board, Ends())


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
    events = _events(request, viewer, (route, la), page, since) if known else _reload()
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)


async def _reload() -> AsyncIterator[str]:
    yield _RELOAD


async def _events(
    request: Request, viewer: Viewer, queue: tuple[str, str], page: Page, since: int
) -> AsyncIterator[str]:
    """No session is held: each look has its own, for as long as it takes."""
    live: Live = request.app.state.live
    render = partial(_written, request)
    yield ": open\n\n"
    with live.ends.of(request) as ended, live.board.place(viewer):
        async with live.feed.desk(*queue, since) as desk:
            while not ended.is_set():
                if desk.overrun:
                    yield _RELOAD
                    return
                changed = desk.taken()
                if changed:
                    rows = await live.board.rows(viewer, *queue, changed, render)
                    since = max(*changed.values(), since)
                    yield _message(since, _pieces(changed, rows, page, _said(request)))
                    continue
                with suppress(TimeoutError):
                    await _first(desk.woken, ended)
                    continue
                yield ": still here\n\n"


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


def _pieces(
    changed: Iterable[UUID], rows: Mapping[UUID, Shown], page: Page, said: str
) -> Iterable[str]:
    """A row that is there already is taken out first: its place may be another now."""
    for task in changed:
        yield f'data: <hx-partial hx-target="#row-{task}" hx-swap="delete"></hx-partial>\n'
        shown = rows.get(task)
        if shown is not None and page.holds(shown):
            yield shown.html
    yield f'data: <hx-partial hx-target="#live-said" hx-swap="innerHTML">{said}</hx-partial>\n'


def _message(seq: int, pieces: Iterable[str]) -> str:
    return f"id: {seq}\n{''.join(pieces)}\n"


def _written(request: Request, row: Row) -> str:
    """The row with where it belongs, as lines of an event."""
    html = fragment(request, "escalation/triage-live.html", RowView(title="", row=row))
    lines = (line for line in html.splitlines() if line)
    return "".join(f"data: {line}\n" for line in lines)


def _said(request: Request) -> str:
    """Of a minute, so that who listens to the page hears of changes once a minute at most."""
    now = runtime_of(request).clock.now().astimezone(LONDON)
    return f"The queue changed at {clock_time(now.time())}."
