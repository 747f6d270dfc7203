"""A task as it is shown in a queue or a list: what is to be done, and never about whom."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from escalation.deciding import LEAD_ROUTES
from escalation.models import CaseFile, Task
from escalation.viewer import Viewer
from shared.events.data_issues import needs_a_person

AGE_BANDS = ((0, "under 1"), (4, "1 to 4"), (9, "5 to 9"), (15, "10 to 15"), (17, "16 to 17"))


class TaskRow(BaseModel):
    """kind: `duty`, what the rules asked; else why it came later. version: for If-Match.

    siblings: other cases of the incident that the reader may open.

    check_data: something was read with doubt, and it is this task's owner who has to look.
    """

    task_id: UUID
    case_id: UUID
    kind: str
    route: str
    la: str | None
    urn: str | None
    priority: str
    unprocessed: bool
    by: datetime | None
    hard_by: datetime | None
    overdue: bool
    opened_at: datetime
    state: str
    certainty: str
    owner: str
    channel: str
    has_it: Literal["me", "other"] | None
    offered_to_me: bool
    paused_until: datetime | None
    age_band: str
    concern_types: list[str]
    siblings: int
    awaiting_school_call: bool
    notice_failed: bool
    check_data: bool
    entered_in_error: bool
    synthetic: bool
    version: int


class OwnTaskRow(TaskRow):
    """With what the owner needs to do it: whom to ring, what to say, and why."""

    contact: dict[str, str]
    script: str
    because: list[dict[str, Any]]
    reference: str | None
    acknowledged_at: datetime | None
    told_at: datetime | None


def task_row(task: Task, case: CaseFile, siblings: int, viewer: Viewer, now: datetime) -> TaskRow:
    return TaskRow(**_shown(task, case, siblings, viewer, now))


def own_task_row(
    task: Task, case: CaseFile, siblings: int, viewer: Viewer, now: datetime
) -> OwnTaskRow:
    return OwnTaskRow(
        **_shown(task, case, siblings, viewer, now),
        contact=task.contact,
        script=task.script,
        because=task.because,
        reference=task.reference,
        acknowledged_at=task.acknowledged_at,
        told_at=task.told_at,
    )


def _shown(
    task: Task, case: CaseFile, siblings: int, viewer: Viewer, now: datetime
) -> dict[str, Any]:
    holder = task.claimed_by_ref
    types = case.facts.get("concern_types")
    same = set(TaskRow.model_fields) & set(Task.model_fields)
    return {name: getattr(task, name) for name in same} | {
        "task_id": task.id,
        "unprocessed": case.unprocessed,
        "overdue": task.closed_at is None and task.by is not None and task.by < now,
        "has_it": None if holder is None else "me" if holder == viewer.ref else "other",
        "offered_to_me": task.offered_to_ref == viewer.ref,
        "age_band": age_band(case.facts.get("age_years")),
        "concern_types": sorted(types) if isinstance(types, list) else ["unknown"],
        "siblings": siblings,
        "awaiting_school_call": task.read_only and task.state == "open",
        "check_data": _check_data(task, case),
        "entered_in_error": case.entered_in_error_at is not None,
        "synthetic": case.synthetic,
    }


def _check_data(task: Task, case: CaseFile) -> bool:
    """The school's lead can ask whoever sent it; where no school is known the hub has to."""
    if task.closed_at is not None:
        return False
    if case.quarantined:
        return task.owner_role == "team"
    doubtful = any(needs_a_person(issue["issue"]) for issue in case.data_issues)
    return doubtful and task.route in LEAD_ROUTES


def age_band(age: object) -> str:
    if isinstance(age, bool) or not isinstance(age, int):
        return "unknown"
    return next((band for highest, band in AGE_BANDS if age <= highest), "18 or over")
