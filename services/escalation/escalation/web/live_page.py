"""An open page of a queue: its rows, and what of them is to be said anew, and when."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from fastapi import Request
from sqlmodel import col, select

from escalation.conflicts import without_conflict
from escalation.models import CaseFile, Task
from escalation.queue import Place
from escalation.viewer import Viewer
from escalation.web.live_board import Board, Shown
from escalation.web.row_times import Times, When, when_at
from escalation.web.triage_rows import Narrowed, Row, find_times
from shared.app import runtime_of
from shared.policy.clocks import LONDON
from shared.web import View, fragment
from shared.web.times import clock_time


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


class TimesView(View):
    when: When


@dataclass
class OpenPage:
    """The rows that one reader has before them, as an event of the stream tells of them; it is
    empty where there is nothing to say: a change of what is kept from them is no event at all.

    read_at: when the page was read. listed: the ends of the ids of the tasks that stood on it.
    """

    request: Request
    board: Board
    viewer: Viewer
    queue: tuple[str, str]
    page: Page
    read_at: datetime
    listed: frozenset[str]
    _said: dict[UUID, tuple[Times, When]] = field(default_factory=dict)
    _begun: bool = False

    async def changed(self, tasks: Mapping[UUID, int]) -> str:
        there = {task for task in tasks if task in self._said or ending(task) in self.listed}
        if not self._begun:  # it may be an earlier stream of the page that had told of them
            there |= await self._may_know(tasks.keys() - there)
        rows = await self._rows(tasks)
        pieces = "".join(self._pieces(there | rows.keys(), rows))
        return pieces and pieces + self._heard()

    async def passed(self, now: datetime) -> str:
        """What the clock alone has changed; the first time, since the page was read."""
        late, moved = await self._found(now), []
        for task, (times, before) in self._said.items():
            when = when_at(times, now)
            self._said[task] = times, when
            if when.late != before.late:
                late.add(task)
            elif when != before:
                moved.append(_put(f"by-{task}", self.board.said(when, self._written_times)))
        if not late:
            return "".join(moved)
        # Desks that wake at this instant have it in common; no change has a number below nothing.
        rows = await self._rows(dict.fromkeys(late, -int(now.timestamp() * 1000)))
        return "".join((*moved, *self._pieces(late, rows), self._heard()))

    def moves_at(self, now: datetime, tasks: Iterable[UUID] | None = None) -> datetime | None:
        """The next instant at which to ask `passed`, for these tasks or for all."""
        asked = self._said.keys() if tasks is None else self._said.keys() & set(tasks)
        instants = [self._said[task][0].moves_at(now) for task in asked]
        if self.page.part.overdue:
            instants.append(now + timedelta(minutes=1))
        return min(instants, default=None)

    async def _found(self, now: datetime) -> set[UUID]:
        """Rows that belong on the page and do not stand there: it is of what is overdue alone."""
        if self._begun and not self.page.part.overdue:
            return set()
        known = await self._times(now)
        new = known.keys() - self._said.keys()
        if self._begun:
            return new
        self._begun = True
        for task in new:
            self._said[task] = known[task], when_at(known[task], self.read_at)
        return set()

    async def _times(self, now: datetime) -> dict[UUID, Times]:
        bounds = self.page.after, self.page.until
        async with runtime_of(self.request).sessions() as session:
            return await find_times(session, self.viewer, *self.queue, bounds, self.page.part, now)

    async def _may_know(self, tasks: Collection[UUID]) -> set[UUID]:
        known = (
            select(col(Task.id))
            .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
            .where(col(Task.id).in_(tasks), without_conflict(self.viewer))
        )
        async with runtime_of(self.request).sessions() as session:
            return set((await session.exec(known)).all())

    async def _rows(self, tasks: Mapping[UUID, int]) -> dict[UUID, Shown]:
        """Those of them that belong on the page now; of the others nothing is known any more."""
        write = partial(_written, self.request)
        rows = await self.board.rows(self.viewer, *self.queue, tasks, write)
        rows = {task: shown for task, shown in rows.items() if self.page.holds(shown)}
        for task in tasks:
            self._said.pop(task, None)
        for task, shown in rows.items():
            self._said[task] = shown.found.times, shown.row.when
        return rows

    def _pieces(self, tasks: Collection[UUID], rows: Mapping[UUID, Shown]) -> Iterator[str]:
        """A row that is there already is taken out first: its place may be another now."""
        for task in tasks:
            yield f'data: <hx-partial hx-target="#row-{task}" hx-swap="delete"></hx-partial>\n'
            if task in rows:
                yield rows[task].html

    def _written_times(self, when: When) -> str:
        return fragment(
            self.request, "escalation/triage-times.html", TimesView(title="", when=when)
        )

    def _heard(self) -> str:
        """Of a minute, so that who listens to the page hears of changes once a minute at most."""
        now = runtime_of(self.request).clock.now().astimezone(LONDON)
        return _put("live-said", f"The queue changed at {clock_time(now.time())}.")


def ending(task: UUID) -> str:
    """Enough of an id to tell it from the others of a page."""
    return task.hex[-8:]


def _put(where: str, html: str) -> str:
    inner = " ".join(html.split("\n"))
    return f'data: <hx-partial hx-target="#{where}" hx-swap="innerHTML">{inner}</hx-partial>\n'


def _written(request: Request, row: Row) -> str:
    """The row with where it belongs, as lines of an event."""
    html = fragment(request, "escalation/triage-live.html", RowView(title="", row=row))
    lines = (line for line in html.splitlines() if line)
    return "".join(f"data: {line}\n" for line in lines)
