"""A task as a row of the triage page: what the API's row says, in words, and where it stands."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.acknowledge import DECIDED
from escalation.conflicts import Shown, siblings
from escalation.models import CaseFile, Task
from escalation.queue import ORDER, Place, ids_in_order, in_queue
from escalation.ranking import PRIORITIES, RANKS
from escalation.reopening import HUBS
from escalation.rows import TaskRow, task_row
from escalation.seen_before import seen_before
from escalation.viewer import Viewer
from escalation.web.row_times import Times, When, when_at
from escalation.web.words import queue_name
from shared.policy.readers.words import humanised

ROWS: Final = 50
_Other = aliased(Task)
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class Row(BaseModel):
    """place: sorts rows as the queue does, where digits are compared as numbers. elsewhere: whom
    else the case is open with. seen_before: earlier cases of the child within twelve months."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    task: TaskRow
    rating: str | None
    reference: str
    types: str
    when: When
    place: str
    elsewhere: tuple[str, ...]
    seen_before: int


@dataclass(frozen=True, slots=True)
class Found:
    """A task as the database tells it to all who may see the same; whose it is, is told to each."""

    task: Task
    case: CaseFile
    siblings: int
    seen_before: int
    routes: Collection[str] | None

    @property
    def place(self) -> Place:
        return self.task.rank, self.task.due_at, self.task.id

    @property
    def times(self) -> Times:
        return _times(self.task, self.case.answer_by, self.case.outcome)

    def row(self, viewer: Viewer, now: datetime) -> Row:
        shown = task_row(self.task, self.case, self.siblings, viewer, now)
        return Row(
            task=shown,
            rating=self.case.rating,
            reference=reference_of(self.task.case_id),
            types=types_words(shown.concern_types),
            when=when_at(self.times, now),
            place=_sortable(self.place),
            elsewhere=tuple(queue_name(route) for route in sorted(self.routes or ())),
            seen_before=self.seen_before,
        )


class Narrowed(BaseModel):
    """A part of a queue. has: `mine`, `nobody` or all. priority: one of P0 to P4, or all."""

    model_config = ConfigDict(frozen=True)

    has: str = ""
    overdue: bool = False
    priority: str = ""

    @property
    def asked(self) -> dict[str, str]:
        """As an address says it; empty for the whole queue."""
        said = {"has": self.has, "overdue": "1" if self.overdue else "", "priority": self.priority}
        return {name: value for name, value in said.items() if value}

    def where(self, viewer: Viewer, now: datetime) -> Iterable[ColumnElement[bool]]:
        if self.has == "mine":
            yield col(Task.claimed_by_ref) == viewer.ref
        if self.has == "nobody":
            yield col(Task.claimed_by_ref).is_(None)
        if self.overdue:
            yield or_(col(Task.by) <= now, _answer_late(now))
        if self.priority:
            yield col(Task.priority) == self.priority

    @property
    def ranks(self) -> Collection[int]:
        """To walk one by one where what is asked for begins each rank."""
        if self.priority:
            return (RANKS[0], 1 + PRIORITIES.index(self.priority))
        return RANKS if self.overdue else ()

    def holds(self, row: Row) -> bool:
        """What `where` says, of a row that is known already."""
        return (
            (not self.has or row.task.has_it == {"mine": "me", "nobody": None}[self.has])
            and (not self.overdue or row.when.late)
            and (not self.priority or row.task.priority == self.priority)
        )


def narrowed(has: str, overdue: str, priority: str) -> Narrowed:
    """Of an address; what is not known narrows nothing."""
    return Narrowed(
        has=has if has in ("mine", "nobody") else "",
        overdue=overdue == "1",
        priority=priority if priority in PRIORITIES else "",
    )


async def find_page(  # noqa: PLR0917 - one parameter for each part of the question
    session: AsyncSession,
    viewer: Viewer,
    route: str,
    la: str,
    after: Place | None,
    part: Narrowed,
    now: datetime,
) -> tuple[list[Found], Place | None]:
    """One page of a part of a queue, and the place where the next begins."""
    only = list(part.where(viewer, now))
    ids = ids_in_order(viewer, route, la, after, ROWS + 1, only, part.ranks)
    query = _rows(viewer).where(col(Task.id).in_(ids)).limit(ROWS + 1)
    found = [Found(*row) for row in await session.execute(query)]
    return found[:ROWS], found[ROWS - 1].place if len(found) > ROWS else None


async def find_tasks(
    session: AsyncSession, viewer: Viewer, route: str, la: str, ids: Collection[UUID]
) -> list[Found]:
    """Of these tasks those that are in the queue now and that the viewer may see."""
    seen = ids_in_order(viewer, route, la, None, len(ids), [col(Task.id).in_(ids)])
    query = _rows(viewer).where(col(Task.id).in_(seen), in_queue(route))
    return [Found(*row) for row in await session.execute(query)]


async def find_times(  # noqa: PLR0917 - one parameter for each part of the question
    session: AsyncSession,
    viewer: Viewer,
    route: str,
    la: str,
    bounds: tuple[Place | None, Place | None],
    part: Narrowed,
    now: datetime,
) -> dict[UUID, Times]:
    """Of the rows of one page, which may have grown. bounds: after which it begins, and its end."""
    after, until = bounds
    only = list(part.where(viewer, now))
    if until is not None:
        only.append(tuple_(*ORDER) <= tuple_(*until))
    ids = ids_in_order(viewer, route, la, after, 2 * ROWS, only, part.ranks)
    rows = await session.execute(
        select(Task, col(CaseFile.answer_by), col(CaseFile.outcome))
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(col(Task.id).in_(ids))
    )
    return {task.id: _times(task, answer_by, outcome) for task, answer_by, outcome in rows}


def _rows(viewer: Viewer) -> Select[Any]:
    routes = (
        select(func.array_agg(func.distinct(col(_Other.route))))
        .where(
            col(_Other.case_id) == col(Task.case_id),
            col(_Other.closed_at).is_(None),
            col(_Other.kind) != "clock",
            col(_Other.route) != col(Task.route),
        )
        .correlate(Task)
        .scalar_subquery()
    )
    return (
        select(
            Task,
            Shown,
            siblings(viewer),
            seen_before(viewer),
            routes,
        )
        .join(Shown, col(Shown.id) == col(Task.case_id))
        .order_by(*ORDER)
    )


def _times(task: Task, answer_by: datetime | None, outcome: str | None) -> Times:
    waits = task.kind in DECIDED and task.route in HUBS and outcome is None
    return Times(task.opened_at, task.by, answer_by if waits else None, task.paused_until)


def _answer_late(now: datetime) -> ColumnElement[bool]:
    """What `_times` says of the hub's answer, of rows that are not read yet."""
    return and_(
        col(Task.kind).in_(DECIDED),
        col(Task.route).in_(HUBS),
        col(CaseFile.outcome).is_(None),
        col(CaseFile.answer_by) <= now,
    )


def reference_of(case_id: UUID) -> str:
    """As people say it: the last eight characters of the case's id."""
    return str(case_id)[-8:].upper()


def types_words(types: Iterable[str]) -> str:
    return ", ".join(humanised(name) for name in types)


def _sortable(place: Place) -> str:
    """Letters in place of the id's digits, so that no part of it is taken for a number."""
    rank, due_at, task_id = place
    return f"{rank} {due_at.astimezone(UTC):%Y%m%d%H%M%S%f} {task_id.hex.translate(_LETTERS)}"
