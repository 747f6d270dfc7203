"""Rules that ask for less by themselves, though others still ask for it: no answer is weaker yet.

What two rules held is then held by one, and whoever changes that one next has to know. A demand
that went to a rule which did not make it before (a new name, two rules out of one) is as well held
as it was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared.policy.prove.compare import weakenings
from shared.policy.prove.obligation import Obligation, inside, meet
from shared.policy.prove.regions import Region, TooManyRegions, holds, regions
from shared.policy.prove.sources import Effects, Source, Task
from shared.policy.prove.space import Slice


@dataclass(frozen=True, slots=True)
class Thin:
    """A rule, what it no longer asks by itself, where, and the rules that still ask it there."""

    rule: str
    what: str
    regions: tuple[Region, ...]
    still: tuple[str, ...]


def thinner(
    old: Effects, new: Effects, spaces: tuple[Slice, ...], before: Effects | None = None
) -> Iterator[Thin]:
    """old: the rules that are looked at; before: all that held with them (else old itself)."""
    everywhere = {(q.promise, q.what): q for q in weakenings(old, new)}
    for question in _thin(old, new, spaces, before or old):
        try:
            where = tuple(regions(question, spaces))
        except TooManyRegions:
            where = ()
        whole = everywhere.get((question.promise, question.what))
        still = _still(whole, where) if whole else ()
        yield Thin(question.promise, question.what, where, still)


def _thin(
    old: Effects, new: Effects, spaces: tuple[Slice, ...], before: Effects
) -> Iterator[Obligation]:
    fresh = set(new.tasks) - set(before.tasks)
    for rule, sources in old.by_rule.items():
        was, left = old.of(rule), new.of(rule)
        if sources == new.by_rule.get(rule) and was.same_as(left):
            continue
        now = _own(rule, new, before, fresh)
        for question in weakenings(replace(was, permits={}), now):
            if not holds(question, spaces):
                yield question


def _own(rule: str, new: Effects, before: Effects, fresh: set[tuple[Task, Source]]) -> Effects:
    """What the rule still asks by itself, with all that no rule asked before."""
    mine = set(new.by_rule.get(rule, ()))

    def kept(code: str, sources: Iterable[Source]) -> tuple[Source, ...]:
        there = before.forbids.get(code, ())
        return tuple(s for s in sources if s in mine or s not in there)

    return replace(
        new,
        tasks=tuple(pair for pair in new.tasks if pair[1] in mine or pair in fresh),
        forbids={code: kept(code, sources) for code, sources in new.forbids.items()},
        permits={},
    )


def _still(question: Obligation, where: Iterable[Region]) -> tuple[str, ...]:
    """The rules that ask it there: one that covers all of it, else all that touch it."""
    found: dict[str, bool] = {}
    for alternative in question.goal.alternatives:
        for source in (each for need in alternative for each in need):
            covers, touches = _covers(source, where)
            if touches:
                found[source.rule] = found.get(source.rule, False) or covers
    whole = tuple(name for name, covers in found.items() if covers)
    return whole or tuple(found)


def _covers(source: Source, where: Iterable[Region]) -> tuple[bool, bool]:
    covers, touches = True, False
    for region in where:
        cubes = source.cubes(region.where)
        covers = covers and any(inside(region.cube, cube) for cube in cubes)
        touches = touches or any(meet(region.cube, cube) is not None for cube in cubes)
    return covers, touches
