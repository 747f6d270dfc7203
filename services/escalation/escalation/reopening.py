"""A case that was decided is to be decided again: the earlier decision is kept as earlier.

Outcome and `decided_at` of a case are the decision that stands. Once those whose decision that is
have work in it again, none stands, and the hub owes an answer to what it has heard since.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.history import remember
from escalation.models import CaseFile, Task
from shared.policy.clocks import ClockSpec, due

HUBS: Final = ("MASH", "EDT")
# The clock of the hub's answer to whoever referred.
ANSWER: Final = "LA_DECISION"


def answer_of(decision: Mapping[str, Any]) -> datetime | None:
    """Until when the hub is to say what it will do; None where it is not asked."""
    at = (decision.get("clocks") or {}).get(ANSWER)
    return datetime.fromisoformat(at) if at else None


def awaits_hub(case: CaseFile) -> bool:
    """Then the case's outcome is the hub's to give; another team's ends that team's work."""
    return any(action["route"] in HUBS for action in case.decision["actions"])


def reopen(  # noqa: PLR0917 - the parts of one change
    session: AsyncSession,
    case: CaseFile,
    opened: Collection[Task],
    afresh: Mapping[str, Any],
    heard: datetime,
    now: datetime,
) -> bool:
    """Whether what was decided is open again by the tasks that now are opened.

    afresh: what would be decided of a concern received at `heard`, for the clock of the answer.
    """
    if any(task.route in HUBS for task in opened) and not _is_awaited(case):
        case.answer_by = answer_of(afresh) or due(ClockSpec("WD", 1), heard, None)
        case.first_answer_by = case.first_answer_by or case.answer_by
    if any(task.route == "EST" for task in opened):
        case.disclosure = case.disclosure_at = None  # what it said is in the case's history
    hubs = awaits_hub(case)
    theirs = (task.route in HUBS if hubs else task.owner_role == "team" for task in opened)
    if case.outcome is None or case.decided_at is None or not any(theirs):
        return False
    earlier = {"code": case.outcome, "decided_at": case.decided_at.isoformat()}
    remember(session, case.id, "reopened", now, **earlier)
    case.outcome = case.decided_at = case.decided_by_ref = None
    return True


def _is_awaited(case: CaseFile) -> bool:
    """An answer that is owed already is owed at its own time: what comes later puts it off never"""
    return case.answer_by is not None and case.outcome is None
