"""What of a queue's row moves with the clock alone: how long is left, and what is late. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from shared.web.times import Deadline, deadline, said, span


@dataclass(frozen=True, slots=True)
class When:
    """waiting: how long what is due now has been open. decision: until when the hub is to say what
    it will do. late: the deadline has passed, or that has."""

    by: Deadline
    waiting: str
    decision: Deadline | None
    late: bool
    paused: str


@dataclass(frozen=True, slots=True)
class Times:
    """by: None where it is due now. answer: until when the hub is to say what it will do."""

    opened_at: datetime
    by: datetime | None
    answer: datetime | None
    paused_until: datetime | None

    def moves_at(self, now: datetime) -> datetime:
        """When the words are to be looked at again: as one of the instants passes, else with the
        next minute."""
        minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        instants = (self.by, self.answer, self.paused_until)
        return min([minute, *(each for each in instants if each is not None and each > now)])


# All desks that show a row ask for the same moment.
@lru_cache(maxsize=4096)
def when_at(times: Times, now: datetime) -> When:
    by = deadline(times.by, now)
    answer = deadline(times.answer, now) if times.answer else None
    paused = times.paused_until
    return When(
        by=by,
        waiting=span(times.opened_at, now) if times.by is None else "",
        decision=answer,
        late=by.overdue or (answer is not None and answer.overdue),
        paused=said(paused, now) if paused and paused > now else "",
    )
