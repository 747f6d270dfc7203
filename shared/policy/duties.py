"""What follows from an event that is no new concern: when it is due, and what is asked of whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from shared.policy.clocks import LONDON, Calendar, due
from shared.policy.pack import Duty, LocalPack, NationalPack, Stage, Task


@dataclass(frozen=True, slots=True)
class Asked:
    """A task that a duty asks for. by: None means now."""

    task: Task
    by: datetime | None
    because: Duty


def duties_of(national: NationalPack, local: LocalPack | None) -> tuple[Duty, ...]:
    """The country's duties and the authority's own; of the same clock the earliest holds."""
    return national.duties + (local.duties if local else ())


def starting_with(duties: Iterable[Duty], event: str) -> tuple[Duty, ...]:
    return tuple(duty for duty in duties if duty.starts == event)


def due_at(duty: Duty, started: datetime, school: Calendar | None = None) -> datetime:
    """The instant the duty must be done by, in London's offset."""
    if started.tzinfo is None:
        raise ValueError("started must be an aware instant")
    if duty.counts_first_day:
        started -= timedelta(days=1)
    return due(duty.by, started, school) or started


def clocks(
    duties: Iterable[Duty], event: str, started: datetime, school: Calendar | None = None
) -> dict[str, datetime]:
    """The clocks that an event sets going on somebody, by name."""
    found: dict[str, datetime] = {}
    for duty in starting_with(duties, event):
        if duty.clock:
            at = due_at(duty, started, school)
            found[duty.clock] = min(at, found.get(duty.clock, at), key=datetime.timestamp)
    return found


def asked(
    duty: Duty, started: datetime, now: datetime, school: Calendar | None = None
) -> tuple[Asked, ...]:
    """What is to be done about a duty that nobody has done yet: once late, what else at once."""
    end = due_at(duty, started, school)
    tasks = [Asked(task, end if now <= end else None, duty) for task in duty.open]
    if now > end:
        tasks += [Asked(task, None, duty) for task in duty.late]
    return tuple(tasks)


def london(day: date) -> datetime:
    """The start of a day that is known by its date alone, as a bulletin or a register gives it."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON)


def ladder_of(national: NationalPack, local: LocalPack | None) -> tuple[Stage, ...]:
    """Who speaks to whom at each stage of a professional disagreement."""
    return local.ladder if local else national.ladder
