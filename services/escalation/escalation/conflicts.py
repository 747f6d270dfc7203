"""The one place that says which cases and tasks exist for a viewer; every query goes through it."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from escalation.heartbeat import HEARTBEAT_URN
from escalation.models import CaseFile, Exclusion, Task, Timer
from escalation.viewer import LEADS, Viewer
from shared.auth.principal import SCHOOL_ROLES

# Whose work a school's leads see and chase; a head's or chair's own task is not among it.
SCHOOL_OWNED = ("dsl", "deputy_dsl", "reporter", "with_child", "child")
# The case a row shows, where the rules about `case_file` are asked of its siblings.
Shown = aliased(CaseFile)
_POSTS = ("dsl", "deputy_dsl", "head", "chair")


def without_conflict(viewer: Viewer) -> ColumnElement[bool]:
    """Of `case_file`: not excluded by name, by post, or as staff.

    While the accused is not identified all staff of the school are excluded but the reporter; its
    chair is not staff, and the authority sees the case in any event.
    """
    named = exists(
        select(1)
        .where(col(Exclusion.case_id) == col(CaseFile.id), col(Exclusion.account_ref) == viewer.ref)
        .correlate(CaseFile)
    )
    staff = and_(
        col(CaseFile.exclude_school_staff),
        col(CaseFile.urn).in_(viewer.school_staff_of),
        col(CaseFile.reporter_ref).is_distinct_from(viewer.ref),
    )
    posts = (
        and_(col(CaseFile.urn).in_(viewer.schools(post)), col(CaseFile.conflicted).contains([post]))
        for post in _POSTS
    )
    # The heartbeat is nobody's: it only asks whether concerns arrive.
    beat = and_(col(CaseFile.synthetic), col(CaseFile.urn) == HEARTBEAT_URN)
    return and_(not_(named), not_(_known(or_(staff, *posts))), not_(_known(beat)))


def team_tasks(viewer: Viewer) -> ColumnElement[bool]:
    """Of `task`: those in a queue that the viewer works."""
    arms = [
        col(Task.route) == route
        if la is None
        else and_(col(Task.route) == route, or_(col(Task.la) == la, col(Task.la).is_(None)))
        for route, la in sorted(viewer.teams, key=str)
    ]
    return or_(false(), *arms)


def school_tasks(viewer: Viewer) -> ColumnElement[bool]:
    """Of `task` joined to its case: what the viewer owes as a person, as a lead, head or chair."""
    personal = or_(
        col(Task.owner_ref) == viewer.ref,
        and_(
            col(Task.urn).in_(viewer.schools(*SCHOOL_ROLES)),
            col(Task.owner_role) == "with_child",
            col(CaseFile.reporter_ref) == viewer.ref,
        ),
    )
    lead = and_(col(Task.urn).in_(viewer.schools(*LEADS)), col(Task.owner_role).in_(SCHOOL_OWNED))
    # What nobody took in time is passed on to the head too, who must be able to act on it then.
    passed_on = and_(col(Task.owner_role).in_(SCHOOL_OWNED), _passed_on())
    # While the staff, or all leads, are excluded the chair stands in for all the school owes, and
    # so does the head where that leaves them in.
    nobody_else = or_(
        col(CaseFile.exclude_school_staff), col(CaseFile.conflicted).contains(list(LEADS))
    )
    stands_in = and_(nobody_else, col(Task.owner_role) != "team")
    head = and_(
        col(Task.urn).in_(viewer.schools("head")),
        or_(col(Task.owner_role) == "headteacher", passed_on, stands_in),
    )
    # So does who reported it: a school may have no chair here, and somebody must be able to act.
    reporter = and_(
        col(Task.urn).in_(viewer.schools(*SCHOOL_ROLES)),
        stands_in,
        col(CaseFile.reporter_ref) == viewer.ref,
    )
    # What was the head's before the head came to be in conflict is somebody's still.
    heads = and_(col(Task.owner_role) == "headteacher", col(CaseFile.conflicted).contains(["head"]))
    chair = and_(
        col(Task.urn).in_(viewer.schools("chair")),
        or_(col(Task.owner_role) == "chair", stands_in, heads),
    )
    return or_(personal, lead, head, chair, reporter)


def _passed_on() -> ColumnElement[bool]:
    """A clock of the task has fired for want of anyone, and goes on."""
    again = select(1).where(
        col(Timer.task_id) == col(Task.id),
        col(Timer.attempts) > 0,
    )
    return exists(again.correlate(Task))


def may_open(viewer: Viewer) -> ColumnElement[bool]:
    """Of `case_file`: cases that the viewer may open, with no conflict and a task to show for it.

    Someone who only owes a personal duty sees that task, not the case.
    """
    of_case = select(1).where(col(Task.case_id) == col(CaseFile.id))
    by_team = exists(of_case.where(team_tasks(viewer)).correlate(CaseFile))
    leads = col(CaseFile.urn).in_(viewer.schools(*LEADS))
    owed = and_(
        col(CaseFile.urn).in_(viewer.schools("head", "chair")),
        exists(of_case.where(school_tasks(viewer)).correlate(CaseFile)),
    )
    return and_(without_conflict(viewer), or_(by_team, leads, owed))


def siblings(viewer: Viewer) -> ScalarSelect[int]:
    """How many other cases of `Shown`'s incident the viewer may open; others do not count."""
    return (
        select(func.count())
        .select_from(CaseFile)
        .where(
            col(CaseFile.incident_id) == col(Shown.incident_id),
            col(CaseFile.id) != col(Shown.id),
            may_open(viewer),
        )
        .correlate(Shown)
        .scalar_subquery()
    )


def _known(condition: ColumnElement[bool]) -> Any:
    """A school that is not known matches none: NULL must not hide the case from everybody."""
    return condition.is_(true())
