"""Tasks for which nobody has answered yet: what the log's own entries say of notices and people."""

from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Mapped, aliased
from sqlalchemy.sql import Select
from sqlmodel import col

from audit_log.models import LogEntry

_TOLD = ("notice.sent", "notice.failed", "task.acknowledged")
_P0 = '"priority":"P0"'
_TEAM = '"owner_role":"team"'
_ROUTE = '"route":"([^"]*)"'
_ROUTES = r'"routes":\[([^\]]*)\]'
_LA = '"la":("[^"]*"|null)'

Tasks: TypeAlias = "Select[UUID | None, datetime, int, bytes]"
Answer: TypeAlias = ColumnElement[bool]


def untold_tasks(before: datetime) -> Tasks:
    """Nobody was told, and no notice ended at all."""
    return _opened(before).where(~_followed(*_TOLD))


def failed_notices(before: datetime) -> Tasks:
    """A notice failed, none was sent for the task since, and no person has answered."""
    failed, sent = aliased(LogEntry), aliased(LogEntry)
    since = (
        select(1)
        .where(
            col(sent.task_id) == col(failed.task_id),
            col(sent.type) == "notice.sent",
            col(sent.seq) > col(failed.seq),
        )
        .exists()
    )
    told_nobody = (
        select(1)
        .where(
            col(failed.task_id) == col(LogEntry.task_id),
            col(failed.type) == "notice.failed",
            ~since,
        )
        .exists()
    )
    return _opened(before).where(told_nobody, ~_followed("task.acknowledged"), ~_decided())


def unacknowledged_p0(before: datetime) -> Tasks:
    """Opened as P0, or raised to it, and neither acknowledged nor decided by the team."""
    raised = aliased(LogEntry)
    became_p0 = (
        select(1)
        .where(
            col(raised.task_id) == col(LogEntry.task_id),
            col(raised.type) == "task.raised",
            _holds(col(raised.payload), _P0),
        )
        .exists()
    )
    urgent = _holds(col(LogEntry.payload), _P0) | became_p0
    return _opened(before).where(urgent, ~_followed("task.acknowledged"), ~_decided())


def _opened(before: datetime) -> Tasks:
    return select(
        col(LogEntry.task_id), col(LogEntry.occurred_at), col(LogEntry.seq), col(LogEntry.payload)
    ).where(col(LogEntry.type) == "task.opened", col(LogEntry.occurred_at) < before)


def _followed(*types: str) -> Answer:
    later = aliased(LogEntry)
    of_the_task = col(later.task_id) == col(LogEntry.task_id)
    return select(1).where(of_the_task, col(later.type).in_(types)).exists()


def _decided() -> Answer:
    """A team ends its own tasks by deciding, also without having acknowledged them.

    The decision names its routes and not its authority: where several authorities have a task of
    one route, only as many decisions end them.
    """
    decision, other = aliased(LogEntry), aliased(LogEntry)
    route = _text(col(LogEntry.payload), _ROUTE)
    decisions = (
        select(func.count())
        .where(
            col(decision.subject) == col(LogEntry.subject),
            col(decision.type) == "case.decided",
            col(decision.seq) > col(LogEntry.seq),
            func.strpos(_text(col(decision.payload), _ROUTES), '"' + route + '"') > 0,
        )
        .correlate(LogEntry)
        .scalar_subquery()
    )
    authorities = (
        select(func.count(_text(col(other.payload), _LA).distinct()))
        .where(
            col(other.subject) == col(LogEntry.subject),
            col(other.type) == "task.opened",
            _text(col(other.payload), _ROUTE) == route,
            _holds(col(other.payload), _TEAM),
        )
        .correlate(LogEntry)
        .scalar_subquery()
    )
    return _holds(col(LogEntry.payload), _TEAM) & (decisions >= authorities)


# A leaf is canonical JSON, in which no string can hold a bare quotation mark: so a member is found
# as text, also where PostgreSQL's own JSON would refuse an entry for a character in it.
def _holds(payload: Mapped[bytes], member: str) -> Answer:
    return func.strpos(func.convert_from(payload, "UTF8"), member) > 0


def _text(payload: Mapped[bytes], pattern: str) -> ColumnElement[str]:
    found: ColumnElement[str] = func.substring(func.convert_from(payload, "UTF8"), pattern)
    return found
