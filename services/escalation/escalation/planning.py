"""What a decision changes in a case's tasks: which to open, to raise, to supersede. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from escalation.models import CaseFile, Task
from escalation.ranking import PRIORITIES, harder, higher, nearer, rank
from shared.events.envelope import new_event_id

Json = Mapping[str, Any]
NOW: Final = "now"
# The outcome of a task that another team goes on with: nothing about it was decided.
HANDED_OVER: Final = "handed_over"
# Whether a team works the queue of a route and authority here.
Watched = Callable[[str, str | None], bool]


@dataclass
class Plan:
    """superseded: by the id of the task that takes the place of it."""

    opened: list[Task] = field(default_factory=list)
    raised: list[Task] = field(default_factory=list)
    superseded: dict[UUID, Task] = field(default_factory=dict)


def plan(  # noqa: PLR0917 - what is known, and what is asked
    case: CaseFile,
    existing: Sequence[Task],
    actions: Iterable[Json],
    at: datetime,
    watched: Watched,
    afresh: Iterable[Json] = (),
) -> Plan:
    """Compares tasks and actions route by route and authority by authority; only ever raises.

    What is not in the actions stays. An acknowledgement given to less does not cover what is more
    urgent: then a new task is opened, and supersedes the old one where that was not closed. What
    a team has decided it did not decide with what is known now, so that is opened again too.

    afresh: the same actions with their deadlines counted from now, for those whose own is past.
    """
    result = Plan()
    again = {_key(task): task for task in (task_of(case, a, at, watched) for a in afresh)}
    duties = (t for t in existing if t.kind == "duty" and t.state != "superseded")
    latest = {_key(task): task for task in duties}
    for action in actions:
        new = task_of(case, action, at, watched)
        old = latest.get(_key(new))
        if old is None:
            result.opened.append(new)
        elif old.state == "open":
            if raise_task(old, new):
                result.raised.append(old)
        elif old.state == "done" or _more_urgent(new, old):
            if old.state == "done" and old.outcome != HANDED_OVER:
                _count_from_now(new, again.get(_key(new)), at)
            result.opened.append(new)
            if old.closed_at is None:
                _supersede(old, at)
                result.superseded[new.id] = old
        elif old.closed_at is None and raise_task(old, new):
            result.raised.append(old)
    return result


def task_of(case: CaseFile, action: Json, at: datetime, watched: Watched) -> Task:
    owner_role = str(action["owner_role"])
    by = _instant(action.get("by"))
    return Task(
        id=new_event_id(),
        case_id=case.id,
        route=action["route"],
        subject=action.get("subject"),
        la=action.get("la"),
        urn=case.urn,
        priority=action["priority"],
        rank=rank(action["priority"], unprocessed=case.unprocessed),
        due_at=by or at,
        certainty=action["certainty"],
        opened_at=at,
        by=by,
        hard_by=_instant(action.get("hard_by")),
        owner=action["owner"],
        owner_role=owner_role,
        owner_ref=case.reporter_ref if owner_role == "reporter" else None,
        channel=action["channel"],
        contact=dict(action.get("contact") or {}),
        script=action.get("script") or "",
        because=list(action.get("because") or []),
        read_only=owner_role != "team" and watched(action["route"], action.get("la")),
    )


def raise_task(task: Task, new: Task) -> bool:
    """Takes the more urgent of the two into `task`; whether anything about it rose."""
    before = (task.priority, task.by, task.hard_by, task.certainty)
    task.priority = higher(task.priority, new.priority)
    task.by = nearer(task.by, new.by)
    task.hard_by = harder(task.hard_by, new.hard_by)
    task.due_at = task.by or min(task.due_at, new.due_at)
    if new.certainty == "certain":
        task.certainty = "certain"
    known = {reason["rule"] for reason in task.because}
    task.because = task.because + [r for r in new.because if r["rule"] not in known]
    return before != (task.priority, task.by, task.hard_by, task.certainty)


def put_in_order(case: CaseFile, tasks: Iterable[Task]) -> None:
    """Their places in the queue, after the case or their priority changed."""
    for task in tasks:
        if task.closed_at is None:
            task.rank = rank(task.priority, unprocessed=case.unprocessed)


def _more_urgent(one: Task, other: Task) -> bool:
    return PRIORITIES.index(one.priority) < PRIORITIES.index(other.priority)


def _count_from_now(task: Task, afresh: Task | None, at: datetime) -> None:
    """The earlier work met or missed the deadline that is past; what is done anew has its own."""
    if task.by is not None and task.by < at:
        task.by = afresh.by if afresh else None
        task.due_at = task.by or at


def _key(task: Task) -> tuple[str, str | None, str | None, str]:
    return task.route, task.subject, task.la, task.owner_role


def _supersede(task: Task, at: datetime) -> None:
    task.state, task.closed_at = "superseded", at


def _instant(value: object) -> datetime | None:
    return None if value in (None, NOW) else datetime.fromisoformat(str(value))
