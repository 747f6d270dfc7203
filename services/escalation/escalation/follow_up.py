"""Tasks that follow from how a case goes, not from what its rules asked: a chase, a step up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.announcing import tell_task_ended, tell_task_opened
from escalation.clearing import cancel_timers
from escalation.deciding import Rules, excluded_refs
from escalation.history import remember
from escalation.models import CaseFile, Task
from escalation.ranking import rank
from escalation.schedule import timers_for
from shared.policy.pack import Duty
from shared.policy.rules import cited

Kind = Literal["duty", "chase", "disagreement", "clock", "information", "handover"]


@dataclass(frozen=True)
class FollowUp:
    """route: whose work it is; a post in conflict is passed over for the next that is fit.

    la: the authority whose team is meant. by: the deadline, None where it is due at once. team: it
    is the team's own work in its queue, also where a concern reaches that team by telephone alone.
    owner: the words for whom it is, where they are not the route's own.
    """

    kind: Kind
    route: str
    la: str | None
    priority: str
    script: str
    because: Mapping[str, Any]
    by: datetime | None = None
    team: bool = False
    owner: str = ""
    contact: Mapping[str, str] = field(default_factory=dict)


async def open_follow_up(
    session: AsyncSession, case: CaseFile, asked: FollowUp, rules: Rules
) -> Task:
    """Opens the task with its clocks; the edge commits."""
    now = rules.clock.now()
    route, la = _fit(asked, case, rules)
    directory = rules.policy.directory
    service = directory.service(route, la)
    if asked.team:
        owner, owner_role = directory.owner("team")
        service = replace(service, owner=owner, owner_role=owner_role, channel="QUEUE", contact={})
    task = Task(
        case_id=case.id,
        kind=asked.kind,
        route=service.route,
        subject=case.subject_ref,
        la=la,
        urn=case.urn,
        priority=asked.priority,
        rank=rank(asked.priority, unprocessed=case.unprocessed),
        due_at=asked.by or now,
        certainty="certain",
        opened_at=now,
        by=asked.by,
        owner=asked.owner or service.owner,
        owner_role=service.owner_role,
        channel=service.channel,
        contact=dict(asked.contact or service.contact),
        script=asked.script,
        because=[dict(asked.because)],
    )
    session.add(task)
    await session.flush()
    settings = rules.policy.settings(task.la or case.la)
    session.add_all(timers_for(task, settings, now))
    excluded = await excluded_refs(session, case)
    if rules.links is not None:
        rules.links.make(session, case, task, excluded, now)
    tell_task_opened(session, case, task, excluded, None, supersedes=None)
    remember(session, case.id, f"{asked.kind}_asked", now, route=task.route)
    return task


def because_of(duty: Duty) -> dict[str, Any]:
    """A duty as the reason of a task, in the form of a decision's reasons."""
    cite = cited(duty.cites)
    return {"rule": duty.id, "title": duty.title, "cite": cite, "facts": {}}


async def follow_ups(session: AsyncSession, case: CaseFile, *kinds: Kind) -> list[Task]:
    """Those not closed, locked."""
    rows = await session.exec(
        select(Task)
        .where(
            col(Task.case_id) == case.id, col(Task.kind).in_(kinds), col(Task.closed_at).is_(None)
        )
        .order_by(col(Task.id))
        .with_for_update()
    )
    return list(rows)


async def supersede(session: AsyncSession, tasks: Iterable[Task], at: datetime) -> None:
    """What they asked has come to pass in another way."""
    ended = list(tasks)
    for task in ended:
        task.state, task.closed_at = "superseded", at
        task.version += 1
        tell_task_ended(session, task, at, "replaced")
    await cancel_timers(session, [task.id for task in ended])


def _fit(asked: FollowUp, case: CaseFile, rules: Rules) -> tuple[str, str | None]:
    """The route, and the authority: a team that takes a school's place is the school's own."""
    national = rules.policy.national
    if national.conflicts.get(asked.route) not in case.conflicted:
        return asked.route, asked.la
    others = national.fallbacks[asked.route]
    fit = (o for o in others if national.conflicts.get(o) not in case.conflicted)
    route = next(fit, asked.route)
    return route, (case.school_la or case.la) if national.routes[route].team else asked.la
