"""What the next shift must know of a queue: what is most serious, promised, and soon to expire."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import exists, or_, true
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.conflicts import without_conflict
from escalation.models import CaseFile, Task, Timer
from escalation.viewer import Viewer

Why = Literal["read_by_hand", "red", "life", "promised_call", "overdue", "expires", "open"]
_PROMISED: Final = ("call_back", "unconfirmed")


@dataclass(frozen=True, slots=True)
class Item:
    """One unfinished task. why: what makes it one to speak of; `open` where nothing does."""

    task_id: UUID
    case_id: UUID
    priority: str
    rating: str | None
    by: datetime | None
    claimed_by_ref: str | None
    concern_types: tuple[str, ...]
    urn: str | None
    why: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """until: the next opening; what is due by then is to be spoken of."""

    route: str
    la: str
    until: datetime
    items: tuple[Item, ...] = field(default_factory=tuple)


async def brief_of(  # noqa: PLR0917 - the parts of the question
    session: AsyncSession,
    viewer: Viewer,
    route: str,
    la: str,
    now: datetime,
    until: datetime,
    only: Collection[UUID] | None = None,
) -> Brief:
    """Every unfinished task of the queue that the reader may know of, in the queue's order.

    only: of these cases, as a shift gave them.
    """
    promised = exists().where(
        col(Timer.case_id) == col(Task.case_id), col(Timer.kind).in_(_PROMISED)
    )
    rows = await session.exec(
        select(Task, CaseFile, promised)
        .join(CaseFile, col(CaseFile.id) == col(Task.case_id))
        .where(
            col(Task.route) == route,
            or_(col(Task.la) == la, col(Task.la).is_(None)),
            col(Task.closed_at).is_(None),
            col(Task.kind) != "clock",
            without_conflict(viewer),
            col(CaseFile.id).in_(only) if only is not None else true(),
        )
        .order_by(col(Task.rank), col(Task.due_at), col(Task.id))
    )
    items = [_item(task, case, bool(call), now, until) for task, case, call in rows]
    return Brief(route, la, until, tuple(items))


def _item(task: Task, case: CaseFile, call: bool, now: datetime, until: datetime) -> Item:
    said: Sequence[tuple[Why, bool]] = (
        ("read_by_hand", case.unprocessed),
        ("life", "P0" in {task.priority, case.priority}),
        ("red", case.rating == "red"),
        ("promised_call", call),
        ("overdue", task.by is not None and task.by <= now),
        ("expires", task.by is not None and now < task.by <= until),
    )
    why = tuple(name for name, holds in said if holds)
    types = case.facts.get("concern_types")
    return Item(
        task_id=task.id,
        case_id=task.case_id,
        priority=task.priority,
        rating=case.rating,
        by=task.by,
        claimed_by_ref=task.claimed_by_ref,
        concern_types=tuple(sorted(types)) if isinstance(types, list) else ("unknown",),
        urn=task.urn,
        why=why or ("open",),
    )
