"""Whether one set of rules asks at least as much as another, wherever the older one asks it.

An old demand that a rule of the new packs makes word for word is kept as it stands. Only what
changed is looked at, so that a comparison costs what the change is worth.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.policy.pack import Require
from shared.policy.prove.obligation import Goal, Need, Obligation
from shared.policy.prove.order import no_later
from shared.policy.prove.regions import Region, TooManyRegions, holds, regions
from shared.policy.prove.sources import Effects, Source, Task
from shared.policy.prove.space import Slice

LOST_CHANNEL = "its channel"


@dataclass(frozen=True, slots=True)
class Loss:
    """What the old rules asked and the new ones do not, the rule that asked it, and where."""

    rule: str
    what: str
    regions: tuple[Region, ...]


def weakenings(old: Effects, new: Effects) -> Iterator[Obligation]:
    """A question for each demand of the old packs that the new ones do not repeat as it stands."""
    yield from _tasks(old, new)
    for code, sources in old.forbids.items():
        there = new.forbids.get(code, ())
        for source in dict.fromkeys(sources):
            if source not in there:
                yield _question(source, Goal(((there,),)), f"the prohibition {code}")
    for code, sources in new.permits.items():
        there = old.permits.get(code, ())
        for source in dict.fromkeys(sources):
            if source not in there:
                yield _question(source, Goal(((there,),)), f"the refusal of {code}")


def _question(source: Source, goal: Goal, what: str) -> Obligation:
    return Obligation(source.rule, "", (source,), goal, what)


def _tasks(old: Effects, new: Effects) -> Iterator[Obligation]:
    kept = {(task, source) for task, source in new.tasks}
    for task, source in dict.fromkeys(old.tasks):
        if (task, source) not in kept:
            goal = Goal((at_least(task, new, source.rule),))
            yield _question(source, goal, in_words(task.require))


def at_least(task: Task, new: Effects, rule: str = "") -> tuple[Need, ...]:
    """What must apply for one task of a rule to be as urgent, as early and as complete as now."""
    want = task.require
    same = [(t.require, s) for t, s in new.tasks if t.group == task.group]
    needs: list[Need] = [
        tuple(s for r, s in same if r.priority <= want.priority),
        tuple(s for r, s in same if no_later(r.by, r.start, want.by, want.start)),
    ]
    if want.hard_by is not None:
        needs.append(
            tuple(
                s for r, s in same
                if r.hard_by and no_later(r.hard_by, r.start, want.hard_by, want.start)
            )
        )  # fmt: skip
    if want.script:
        # Its own rule may say it in other words, which are shown as what says otherwise.
        needs.append(tuple(
            s for r, s in same if r.script == want.script or (r.script and s.rule == rule)
        ))  # fmt: skip
    if want.channel:
        needs.append(tuple(s for r, s in same if r.channel == want.channel))
    return tuple(dict.fromkeys(needs))


def in_words(require: Require) -> str:
    clock = f"{require.by.kind}({require.by.count})" if require.by.count else require.by.kind
    parts = [require.route, require.priority, f"by {clock}"]
    parts += [f"hard limit {require.hard_by.kind}"] if require.hard_by else []
    parts += [f"by {require.owner} personally"] if require.owner else []
    parts += [f"for the {require.subject}"] if require.subject else []
    return " ".join(parts)


def stronger_or_equal(
    old: Effects,
    new: Effects,
    spaces: tuple[Slice, ...],
    impossible: tuple[Source, ...] = (),
) -> list[Loss]:
    """Every loss with all its regions; an empty list: nothing is asked less, later or of fewer."""
    found = []
    for question in weakenings(old, new):
        if holds(question, spaces, impossible):
            continue
        try:
            where = tuple(regions(question, spaces, impossible))
        except TooManyRegions:
            where = ()
        found.append(Loss(question.promise, question.what, where))
    return found


def is_weaker(
    old: Effects, new: Effects, spaces: tuple[Slice, ...], impossible: tuple[Source, ...] = ()
) -> bool:
    """The gate's yes or no, without listing regions."""
    return any(not holds(question, spaces, impossible) for question in weakenings(old, new))
