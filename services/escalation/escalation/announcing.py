"""The events that tell other services what was decided, opened, raised and acknowledged."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.models import CaseFile, Task
from shared.events import cases
from shared.outbox import emit

PRODUCER: Final = "escalation"
How = Literal["decided", "replaced", "handed_over", "met", "met_late"]
Step = Literal["reminder", "unconfirmed", "unclaimed", "overdue", "hard_overdue"]


def tell_opened(session: AsyncSession, case: CaseFile, traceparent: str | None) -> None:
    data = cases.CaseOpened(
        case_id=case.id,
        incident_id=case.incident_id,
        opened_at=case.opened_at,
        priority=case.priority,
        unprocessed=case.unprocessed,
        packs=case.decision.get("pack", []),
        rules=_rules(case),
        routes=_routes(case),
        urn=case.urn,
        la=case.la,
        synthetic=case.synthetic,
    )
    emit(
        session,
        "case.opened",
        case.id,
        data,
        producer=PRODUCER,
        at=case.opened_at,
        traceparent=traceparent,
    )


def tell_raised(
    session: AsyncSession,
    case: CaseFile,
    at: datetime,
    traceparent: str | None,
    *,
    reopened: bool,
) -> None:
    data = cases.CaseRaised(
        case_id=case.id,
        at=at,
        priority=case.priority,
        packs=case.decision.get("pack", []),
        rules=_rules(case),
        routes=_routes(case),
        reopened=reopened,
    )
    emit(session, "case.raised", case.id, data, producer=PRODUCER, at=at, traceparent=traceparent)


def tell_task_opened(
    session: AsyncSession,
    case: CaseFile,
    task: Task,
    excluded: Iterable[str],
    traceparent: str | None,
    *,
    supersedes: UUID | None,
) -> None:
    data = cases.TaskOpened(
        task_id=task.id,
        case_id=case.id,
        route=task.route,
        la=task.la,
        urn=task.urn,
        priority=task.priority,
        certainty=task.certainty,
        opened_at=task.opened_at,
        by=task.by,
        hard_by=task.hard_by,
        owner=task.owner,
        owner_role=task.owner_role,
        owner_ref=task.owner_ref,
        channel=task.channel,
        rules=[reason["rule"] for reason in task.because],
        excluded_refs=sorted(excluded),
        exclude_school_staff=case.exclude_school_staff,
        conflicted_roles=case.conflicted,
        synthetic=case.synthetic,
        supersedes=supersedes,
    )
    emit(
        session,
        "task.opened",
        case.id,
        data,
        producer=PRODUCER,
        at=task.opened_at,
        traceparent=traceparent,
    )


def tell_task_raised(
    session: AsyncSession, task: Task, at: datetime, traceparent: str | None
) -> None:
    data = cases.TaskRaised(
        task_id=task.id,
        case_id=task.case_id,
        route=task.route,
        at=at,
        priority=task.priority,
        by=task.by,
    )
    emit(
        session,
        "task.raised",
        task.case_id,
        data,
        producer=PRODUCER,
        at=at,
        traceparent=traceparent,
    )


def tell_task_acknowledged(session: AsyncSession, task: Task, at: datetime, actor_ref: str) -> None:
    data = cases.TaskAcknowledged(
        task_id=task.id,
        case_id=task.case_id,
        route=task.route,
        at=at,
        actor_ref=actor_ref,
        reference_given=task.reference is not None,
    )
    emit(session, "task.acknowledged", task.case_id, data, producer=PRODUCER, at=at)


def tell_task_ended(session: AsyncSession, task: Task, at: datetime, how: How) -> None:
    data = cases.TaskEnded(task_id=task.id, case_id=task.case_id, route=task.route, at=at, how=how)
    emit(session, "task.ended", task.case_id, data, producer=PRODUCER, at=at)


def tell_reminded(
    session: AsyncSession, of: Any, *, step: Step, at: datetime, excluded: Iterable[str]
) -> None:
    """of: a task's and its case's columns by name, as the timers read them."""
    data = cases.TaskReminded(
        task_id=of.task_id,
        case_id=of.case_id,
        route=of.route,
        at=at,
        step=step,
        priority=of.priority,
        la=of.la,
        urn=of.urn,
        owner=of.owner,
        owner_role=of.owner_role,
        owner_ref=of.owner_ref,
        excluded_refs=sorted(excluded),
        exclude_school_staff=of.exclude_school_staff,
        conflicted_roles=of.conflicted or [],
        synthetic=of.synthetic,
    )
    emit(session, "task.reminded", of.case_id, data, producer=PRODUCER, at=at)


def _actions(case: CaseFile) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = case.decision.get("actions", [])
    return actions


def _routes(case: CaseFile) -> list[str]:
    return list(dict.fromkeys(action["route"] for action in _actions(case)))


def _rules(case: CaseFile) -> list[str]:
    because = (reason for action in _actions(case) for reason in action.get("because", []))
    return list(dict.fromkeys(reason["rule"] for reason in because))
