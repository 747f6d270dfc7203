"""What happens after a concern, in words: what starts a clock, who does what, and when."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.policy.engine import Policy
from shared.policy.pack import Cite, Duty, LocalPack, Task
from shared.policy.readers.words import clock_words, humanised


@dataclass(frozen=True, slots=True)
class DutyLine:
    """One duty. local: the authority whose pack holds it, or empty."""

    id: str
    title: str
    local: str
    starts: str
    by: str
    opens: tuple[str, ...]
    late: tuple[str, ...]
    cites: tuple[Cite, ...]


def duty_lines(policy: Policy) -> Iterator[DutyLine]:
    for pack in (policy.national, *policy.locals.values()):
        for duty in pack.duties:
            yield _line(duty, pack.name if isinstance(pack, LocalPack) else "")


def _line(duty: Duty, local: str) -> DutyLine:
    first = ", the first day counted" if duty.counts_first_day else ""
    return DutyLine(
        id=duty.id,
        title=duty.title,
        local=local,
        starts=humanised(duty.starts),
        by=clock_words(duty.by) + first,
        opens=tuple(_task(task) for task in duty.open),
        late=tuple(_task(task) for task in duty.late),
        cites=duty.cites,
    )


def _task(task: Task) -> str:
    return f"{task.priority} {task.route}: {task.say}"
