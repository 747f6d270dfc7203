"""What became of a concern, as the school may see it: made from the other services' events."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError
from sqlalchemy import case, func, text, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.models import Progress, Receipt, ReceiptNotice
from shared.events import cases, notices
from shared.events.catalogue import TOPICS
from shared.events.concerns import EventData
from shared.events.envelope import Event
from shared.inbox import Handler, Poison

Write = Callable[[AsyncSession, Any], Awaitable[None]]


def _opened_case() -> Insert:
    """A raise may have been heard first, and has the priority of later."""
    made = insert(Progress.__table__)  # type: ignore[attr-defined]
    priority = func.coalesce(col(Progress.priority), made.excluded.priority)
    return made.on_conflict_do_update(
        index_elements=[col(Progress.concern_id)],
        set_={"opened_at": made.excluded.opened_at, "priority": priority},
    )


def _opened_task() -> Insert:
    """A raise that was heard first has the priority and the deadline of later."""
    made = insert(Receipt.__table__)  # type: ignore[attr-defined]
    told = ("la", "certainty", "owner", "channel", "opened_at", "hard_by")
    raised = col(Receipt.priority).is_not(None)
    later = {
        name: case((raised, col(getattr(Receipt, name))), else_=made.excluded[name])
        for name in ("priority", "due_by")
    }
    return made.on_conflict_do_update(
        index_elements=[col(Receipt.task_id)],
        set_={name: made.excluded[name] for name in told} | later,
        where=col(Receipt.owner).is_(None),
    )


# What every concern brings is built once: building took longer than carrying it out, in the very
# process that answers schools.
_CASE_OPENED: Final = _opened_case()
_TASK_OPENED: Final = _opened_task()
_FEED: Final = text("""
INSERT INTO outcome (client, concern_id, kind, at, detail)
SELECT s.client, c.id, CAST(:kind AS text), CAST(:at AS timestamptz), CAST(:detail AS jsonb)
FROM concern c JOIN submission s ON s.id = c.incident_id
WHERE c.id = :concern_id
""")


async def _case_opened(session: AsyncSession, case: cases.CaseOpened) -> None:
    told = {"concern_id": case.case_id, "priority": case.priority, "opened_at": case.opened_at}
    await session.execute(_CASE_OPENED, told)
    detail = {"priority": case.priority, "routes": case.routes, "unprocessed": case.unprocessed}
    await _tell(session, case.case_id, "case_opened", case.opened_at, detail)


async def _case_raised(session: AsyncSession, case: cases.CaseRaised) -> None:
    await _progress(session, case.case_id, case.at, priority=case.priority)
    detail: dict[str, Any] = {"priority": case.priority, "routes": case.routes}
    if case.reopened:
        await _reopened(session, case)
        detail["reopened"] = True
    await _tell(session, case.case_id, "case_raised", case.at, detail)


async def _reopened(session: AsyncSession, case: cases.CaseRaised) -> None:
    """What was decided is no longer how it stands, nor is it in anybody's hands yet."""
    mine = col(Progress.concern_id) == case.case_id
    values = {"reopened_at": case.at, "earlier_outcome": Progress.outcome}
    nothing = {"outcome": None, "decided_at": None, "claimed_at": None}
    await session.execute(update(Progress).where(mine).values(values | nothing))


async def _case_claimed(session: AsyncSession, case: cases.CaseClaimed) -> None:
    # Who claimed it is the hub's own business: the school sees that somebody has it, and since when
    await _progress(session, case.case_id, case.at, claimed_at=None if case.released else case.at)
    kind = "case_released" if case.released else "case_claimed"
    await _tell(session, case.case_id, kind, case.at, {})


async def _case_decided(session: AsyncSession, case: cases.CaseDecided) -> None:
    later = col(Progress.reopened_at) > case.at
    # A raise is never held, a decision may be: then it is heard after it was opened again.
    stood = update(Progress).where(col(Progress.concern_id) == case.case_id, later)
    earlier = stood.values(earlier_outcome=case.outcome).returning(col(Progress.concern_id))
    if (await session.execute(earlier)).first() is None:
        await _progress(session, case.case_id, case.at, decided_at=case.at, outcome=case.outcome)
    await _tell(session, case.case_id, "case_decided", case.at, {"outcome": case.outcome})


async def _task_opened(session: AsyncSession, task: cases.TaskOpened) -> None:
    told = {
        "task_id": task.task_id,
        "concern_id": task.case_id,
        "route": task.route,
        "la": task.la,
        "priority": task.priority,
        "certainty": task.certainty,
        "owner": task.owner,
        "channel": task.channel,
        "state": "open",
        "opened_at": task.opened_at,
        "due_by": task.by,
        "hard_by": task.hard_by,
        "reference_given": False,
    }
    await session.execute(_TASK_OPENED, told)
    if task.supersedes is not None:
        await session.execute(
            update(Receipt)
            .where(col(Receipt.task_id) == task.supersedes)
            .values(state="superseded")
        )


async def _task_acknowledged(session: AsyncSession, task: cases.TaskAcknowledged) -> None:
    values = {"state": "acknowledged", "acknowledged_at": task.at}
    await _receipt(session, task, **values, reference_given=task.reference_given)
    detail = {"task_id": str(task.task_id), "route": task.route}
    await _tell(session, task.case_id, "task_acknowledged", task.at, detail)


async def _task_ended(session: AsyncSession, task: cases.TaskEnded) -> None:
    replaced = task.how in {"replaced", "handed_over"}
    await _receipt(session, task, state="superseded" if replaced else "done")


async def _task_raised(session: AsyncSession, task: cases.TaskRaised) -> None:
    await _receipt(session, task, priority=task.priority, due_by=task.by)


async def _notice(
    session: AsyncSession, notice: notices.NoticeSent | notices.NoticeFailed, *, state: str
) -> None:
    values = {
        "concern_id": notice.case_id,
        "task_id": notice.task_id,
        "channel": notice.channel,
        "recipient": notice.recipient,
        "state": state,
        "at": notice.at,
    }
    await session.execute(
        insert(ReceiptNotice)
        .values(notice_id=notice.notice_id, **values)
        .on_conflict_do_update(index_elements=[col(ReceiptNotice.notice_id)], set_=values)
    )


async def _progress(session: AsyncSession, concern_id: UUID, at: datetime, **values: Any) -> None:
    """Also where the opening of the case was not heard yet."""
    await session.execute(
        insert(Progress)
        .values(concern_id=concern_id, opened_at=at, **values)
        .on_conflict_do_update(index_elements=[col(Progress.concern_id)], set_=values)
    )


async def _receipt(
    session: AsyncSession,
    task: cases.TaskAcknowledged | cases.TaskRaised | cases.TaskEnded,
    **values: Any,
) -> None:
    """Also where the opening of the task was not heard yet: what is known of it shows at once."""
    known = {"concern_id": task.case_id, "route": task.route, "opened_at": task.at}
    first = {"task_id": task.task_id, "state": "open", "reference_given": False} | known | values
    await session.execute(
        insert(Receipt)
        .values(first)
        .on_conflict_do_update(index_elements=[col(Receipt.task_id)], set_=values)
    )


async def _tell(
    session: AsyncSession, concern_id: UUID, kind: str, at: datetime, detail: dict[str, Any]
) -> None:
    """Adds a row to the feed of the client that raised the concern."""
    told = {"concern_id": concern_id, "kind": kind, "at": at}
    await session.execute(_FEED, told | {"detail": orjson.dumps(detail).decode()})


async def _handle(
    session: AsyncSession, event: Event, *, model: type[EventData], write: Write
) -> None:
    try:
        data = model.model_validate_json(event.data)
    except ValidationError:
        raise Poison("schema") from None
    await write(session, data)


_WRITES: Final[dict[str, tuple[type[EventData], Write]]] = {
    "case.opened": (cases.CaseOpened, _case_opened),
    "case.raised": (cases.CaseRaised, _case_raised),
    "case.claimed": (cases.CaseClaimed, _case_claimed),
    "case.decided": (cases.CaseDecided, _case_decided),
    "task.opened": (cases.TaskOpened, _task_opened),
    "task.acknowledged": (cases.TaskAcknowledged, _task_acknowledged),
    "task.ended": (cases.TaskEnded, _task_ended),
    "task.raised": (cases.TaskRaised, _task_raised),
    "notice.sent": (notices.NoticeSent, partial(_notice, state="sent")),
    "notice.failed": (notices.NoticeFailed, partial(_notice, state="failed")),
}
HANDLERS: Final[dict[str, Handler]] = {
    name: partial(_handle, model=model, write=write) for name, (model, write) in _WRITES.items()
}
# On the same topics, and of no interest to a school.
IGNORED: Final = frozenset(
    event.name for topic in TOPICS for event in topic.events if "intake" not in event.consumers
)
# An acknowledgement or a raise is worth showing even where an earlier event of the case is stuck.
RAISING: Final = frozenset({"case.raised", "task.raised", "task.acknowledged"})
