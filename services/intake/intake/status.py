"""A concern as the school sees it afterwards: how far it is, who has it, and whether it is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from intake.authority import READ_SCOPE, as_it_stands
from intake.conflicts import may_see
from intake.models import (
    Amendment,
    Concern,
    GrantRow,
    Progress,
    Receipt,
    ReceiptNotice,
    Submission,
)
from shared.auth import Principal
from shared.errors import Problem
from shared.events.data_issues import explained

Json = dict[str, Any]


def not_found() -> Problem:
    """The same for what is not there and for what the caller may not know of."""
    return Problem(404, "not-found", "There is no such concern, or you may not know of it.")


def erased() -> Problem:
    return Problem(410, "erased", "What was held of this concern has been erased.")


async def seen_concern(
    session: AsyncSession, who: Principal, concern_id: UUID, secret: bytes, now: datetime
) -> tuple[Concern, Submission]:
    """The concern, if the caller may see it; else 404, or 410 for one that has been erased."""
    concern = await session.get(Concern, concern_id)
    submission = await session.get(Submission, concern.incident_id) if concern else None
    if concern is None or submission is None:
        raise not_found()
    if who.kind == "client":
        allowed = await _client_may_see(session, who, submission, now)
    else:
        standing = await as_it_stands(session, who, secret, now)
        allowed = may_see(who, submission, secret, standing=standing)
    if not allowed:
        raise not_found()
    if concern.erased_at is not None:
        raise erased()
    return concern, submission


async def _client_may_see(
    session: AsyncSession, who: Principal, of: Submission, now: datetime
) -> bool:
    if who.client != of.client or of.private or READ_SCOPE not in who.scopes:
        return False
    if not who.holds("mis", urn=of.urn) if of.urn else not who.holds("mis"):
        return False
    rows = await session.execute(
        select(GrantRow).where(
            col(GrantRow.client) == who.client,
            col(GrantRow.role) == "mis",
            col(GrantRow.revoked_at).is_(None),
            col(GrantRow.urn) == of.urn if of.urn else col(GrantRow.urn).is_not(None),
        )
    )
    return any(
        grant.valid_from <= now and (grant.valid_to is None or now < grant.valid_to)
        for grant in rows.scalars()
    )


async def receipt(session: AsyncSession, concern: Concern, submission: Submission) -> Json:
    progress = await session.get(Progress, concern.id)
    decision = await current_decision(session, concern)
    tasks = await session.execute(
        select(Receipt)
        .where(col(Receipt.concern_id) == concern.id)
        .order_by(col(Receipt.priority), col(Receipt.opened_at))
    )
    notices = await session.execute(
        select(ReceiptNotice)
        .where(col(ReceiptNotice.concern_id) == concern.id)
        .order_by(col(ReceiptNotice.at))
    )
    told = [_notice(notice) for notice in notices.scalars()]
    return {
        "concern_id": str(concern.id),
        "incident_id": str(submission.id),
        "subject": concern.subject_ref,
        "subject_role": concern.subject_role,
        "received_at": submission.received_at.isoformat(),
        "priority": (progress and progress.priority) or decision["priority"],
        "state": _state(progress),
        "outcome": progress.outcome if progress else None,
        "earlier_outcome": progress.earlier_outcome if progress else None,
        "entered_in_error": concern.entered_in_error_at is not None,
        "tasks": [_task(task, told) for task in tasks.scalars()],
        "notices": [notice for notice in told if notice["task_id"] is None],
        "actions": decision["actions"],
        "prohibitions": decision["prohibitions"],
        "questions": decision["questions"],
        "gate": decision["gate"],
        "data_issues": [explained(issue) for issue in submission.data_issues],
        "synthetic": submission.synthetic,
    }


async def current_decision(session: AsyncSession, concern: Concern) -> Mapping[str, Any]:
    rows = await session.execute(
        select(Amendment)
        .where(col(Amendment.concern_id) == concern.id)
        .order_by(col(Amendment.number).desc())
        .limit(1)
    )
    last = rows.scalar_one_or_none()
    return (last or concern).decision or {}


def _state(progress: Progress | None) -> str:
    """received: durable here and on its way; nobody outside has it yet."""
    if progress is None:
        return "received"
    if progress.decided_at is not None:
        return "decided"
    return "claimed" if progress.claimed_at is not None else "in_queue"


def _task(task: Receipt, told: list[Json]) -> Json:
    """`owner` is a post or a team. has_it: someone there said so; a message sent is not that."""
    return {
        "task_id": str(task.task_id),
        "route": task.route,
        "la": task.la,
        "priority": task.priority,
        "certainty": task.certainty,
        "owner": task.owner,
        "channel": task.channel,
        "state": task.state,
        "has_it": task.acknowledged_at is not None,
        "by": _by(task),
        "hard_by": task.hard_by and task.hard_by.isoformat(),
        "acknowledged_at": task.acknowledged_at and task.acknowledged_at.isoformat(),
        "reference_given": task.reference_given,
        "notices": [notice for notice in told if notice["task_id"] == str(task.task_id)],
    }


def _by(task: Receipt) -> str | None:
    if task.due_by is not None:
        return task.due_by.isoformat()
    return "now" if task.priority is not None else None


def _notice(notice: ReceiptNotice) -> Json:
    return {
        "task_id": notice.task_id and str(notice.task_id),
        "channel": notice.channel,
        "recipient": notice.recipient,
        "state": notice.state,
        "at": notice.at.isoformat(),
    }
