"""What a change takes away of the duties that follow from events other than a new concern."""

from collections.abc import Iterable, Iterator

from shared.policy.control.part import Part
from shared.policy.pack import Duty, Task
from shared.policy.prove.order import no_later


def duties_lost(pack: str, old: Iterable[Duty], new: Iterable[Duty]) -> Iterator[Part]:
    there = tuple(new)
    for duty in old:
        same = [each for each in there if each.starts == duty.starts and _in_time(each, duty)]
        if duty.clock and all(each.clock != duty.clock for each in same):
            yield Part(pack, duty.id, f"the clock {duty.clock} of {duty.starts}, {_clock(duty)}")
        for task in duty.open:
            if not any(_covers(then, task) for each in same for then in each.open):
                yield Part(pack, duty.id, f"{_task(task)} by {_clock(duty)}")
        for task in duty.late:
            if not any(_covers(then, task) for each in same for then in each.late):
                yield Part(pack, duty.id, f"{_task(task)} once late")
        for code in duty.forbids:
            if not any(code in each.forbids for each in same):
                yield Part(pack, duty.id, f"the prohibition {code}")


def _in_time(new: Duty, old: Duty) -> bool:
    earlier = new.counts_first_day or not old.counts_first_day
    return earlier and no_later(new.by, "receipt", old.by, "receipt")


def _covers(new: Task, old: Task) -> bool:
    return new.route == old.route and new.priority <= old.priority


def _task(task: Task) -> str:
    return f"{task.route} {task.priority}"


def _clock(duty: Duty) -> str:
    return f"{duty.by.kind}({duty.by.count})" if duty.by.count else duty.by.kind
