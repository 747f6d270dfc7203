"""When a task is looked at again if nobody acts. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

from escalation.models import Task, Timer
from shared.events.envelope import new_event_id
from shared.policy import Settings
from shared.policy.clocks import ClockSpec, due

Kind = Literal[
    "unconfirmed",
    "unclaimed",
    "call_back",
    "reminder",
    "overdue",
    "hard_overdue",
    "unanswered",
    "stalled",
    "late",
]
# A duty that is overdue is said again each day: it never goes quiet by itself.
OVERDUE_AGAIN: Final = timedelta(days=1)
UNCLAIMED_AT_MOST: Final = timedelta(hours=4)
# What must be done now is overdue when a working day has gone by; to be taken up is not to be done.
_NOW_IS_OVERDUE: Final = ClockSpec("WD", 1)
# Every two minutes for an hour; then whoever could be told has been, and it goes on more slowly.
_OFTEN: Final = 30
_UNCONFIRMED_LATER: Final = timedelta(minutes=15)


def timers_for(
    task: Task, settings: Settings, now: datetime, *, asks_safe: bool = False
) -> list[Timer]:
    """What is already past is due at once; each still fires, in the order of its instants."""
    marks = _timers(task, _marks(task, settings, now))
    return [*first_look(task, settings, now, asks_safe=asks_safe), *marks]


def first_look(
    task: Task, settings: Settings, now: datetime, *, asks_safe: bool = False
) -> list[Timer]:
    """The clock of a task that nobody has acknowledged or taken yet.

    asks_safe: the task is to ring back and ask whether the child is safe, where nobody could say.
    """
    if task.state != "open":
        return []
    if task.priority == "P0":
        return _timers(task, [(now + settings.p0_unconfirmed, "unconfirmed")])
    if asks_safe:
        return _timers(task, [(now + settings.call_back, "call_back")])
    if task.priority == "P1" or task.by is None:
        return _timers(task, [(now + settings.p1_unclaimed, "unclaimed")])
    return []


def answer_due(task: Task, at: datetime | None) -> list[Timer]:
    """The hub says within a working day what it will do; silence after that is said aloud, and
    the school's lead is asked to chase it."""
    if task.route != "MASH" or at is None:
        return []
    return _timers(task, [(at, "unanswered")])


def say_now(task: Task, now: datetime) -> list[Timer]:
    """What has risen is told at once to those who were told of it before it did."""
    return _timers(task, [(now, "reminder")])


def _timers(task: Task, marks: Iterable[tuple[datetime, Kind]]) -> list[Timer]:
    return [
        Timer(id=new_event_id(), task_id=task.id, case_id=task.case_id, kind=kind, due_at=due)
        for due, kind in sorted(marks)
    ]


def _marks(task: Task, settings: Settings, now: datetime) -> Iterator[tuple[datetime, Kind]]:
    if task.by is not None:
        for percent in settings.reminders_percent:
            mark = task.opened_at + (task.by - task.opened_at) * percent / 100
            if mark > now:
                yield mark, "reminder"
        yield task.by, "overdue"
    elif (late := due(_NOW_IS_OVERDUE, now, None)) is not None:
        yield late, "overdue"
    if task.hard_by is not None:
        yield task.hard_by, "hard_overdue"


def wait_again(kind: str, attempts: int, settings: Settings) -> timedelta | None:
    """How long after it fired the same clock fires again: counted from then, for what was missed
    is not made up for."""
    match kind:
        case "unconfirmed":
            later = settings.p0_unconfirmed if attempts < _OFTEN else _UNCONFIRMED_LATER
            return max(settings.p0_unconfirmed, later)
        case "call_back":
            return settings.call_back
        case "unclaimed":
            return min(settings.p1_unclaimed * (2 << min(attempts, 15)), UNCLAIMED_AT_MOST)
        case "overdue":
            return OVERDUE_AGAIN
    return None
