"""The first prover: counts every combination of facts, one fact at a time, by what it makes apply.

A state is the set of conditions still possible; combinations that reach the same state are counted
together. Facts that no condition of the question looks at only multiply the counts. Nothing is
sampled: the counts add up to exactly the product of the domains.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final

from shared.policy.prove.obligation import Cubes, Obligation, cubes_of
from shared.policy.prove.sources import Source
from shared.policy.prove.space import TYPES, Cube, Key, Slice

MAX_STATES: Final = 200_000


@dataclass(slots=True)
class Count:
    """Combinations: all, and those that break the promise."""

    total: int = 0
    broken: int = 0

    def add(self, total: int, broken: int) -> None:
        self.total += total
        self.broken += broken


@dataclass(slots=True)
class Tally:
    """One question's counts, whole and for each concern type."""

    whole: Count = field(default_factory=Count)
    by_type: dict[Key, Count] = field(default_factory=lambda: defaultdict(Count))


def count(
    question: Obligation,
    spaces: Iterable[Slice],
    impossible: tuple[Source, ...] = (),
) -> Tally:
    tally = Tally()
    for space in spaces:
        before = tally.whole.total
        where = question.within(space)
        if where is None:
            continue
        cubes = cubes_of(question, where, impossible)
        for part in refine(where.live[TYPES], (c[TYPES] for c in cubes.each() if TYPES in c)):
            # Types that no condition tells apart are walked once.
            total, broken = _one_type(where, cubes.of_type(part))
            keys = where.keys(TYPES, part)
            tally.whole.add(total * len(keys), broken * len(keys))
            for key in keys:
                tally.by_type[key].add(total, broken)
        if tally.whole.total - before != where.size():
            raise AssertionError("the counted combinations are not the product of the domains")
    return tally


def refine(live: int, masks: Iterable[int]) -> list[int]:
    """The values, put together where no mask tells them apart."""
    parts = [live]
    for mask in set(masks):
        parts = [piece for part in parts for piece in (part & mask, part & ~mask) if piece]
    return parts


class _Bits:
    """A bit for each distinct cube."""

    def __init__(self) -> None:
        self.of: dict[frozenset[tuple[str, int]], int] = {}
        self.cubes: list[Cube] = []

    def mask(self, cubes: Iterable[Cube]) -> int:
        found = 0
        for cube in cubes:
            key = frozenset(cube.items())
            if key not in self.of:
                self.of[key] = len(self.of)
                self.cubes.append(cube)
            found |= 1 << self.of[key]
        return found


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Reads a state: which bits mean that the question applies, and that it is broken."""

    when: int
    alternatives: tuple[tuple[int, ...], ...]
    never: int
    impossible: int

    def broken(self, state: int) -> bool:
        if not state & self.when or state & self.impossible:
            return False
        if state & self.never:
            return True
        return bool(self.alternatives) and not any(
            all(state & need for need in alternative) for alternative in self.alternatives
        )

    def simplify(self, state: int, settled: int) -> int:
        """The same answer in fewer bits; 0 once it can no longer be broken.

        `settled` are the conditions all of whose facts have been walked.
        """
        if not state & self.when or state & self.impossible & settled:
            return 0
        keep = self.when | self.never | self.impossible
        for alternative in self.alternatives:
            fulfilled = 0
            for need in alternative:
                sure = state & need & settled
                fulfilled += bool(sure)
                keep |= sure & -sure if sure else need
            if fulfilled == len(alternative) and not state & self.never:
                return 0
        return state & keep


@dataclass(frozen=True, slots=True)
class _Step:
    """One fact: how many of its values leave which cubes possible, and what is then settled."""

    column: Mapping[int, int]
    settled: int


def _one_type(where: Slice, cubes: Cubes) -> tuple[int, int]:
    """The combinations for one concern type: all, and those that break the promise."""
    size = where.size() // where.live[TYPES].bit_count()
    broken = 0
    for index in range(len(cubes.whens)):
        total, more = _count(where, cubes.under(index))
        if total != size:
            raise AssertionError("the counted combinations are not the product of the domains")
        broken += more
    return size, broken


def _count(where: Slice, cubes: Cubes) -> tuple[int, int]:
    """Walks every combination of the facts that matter to one condition."""
    bits = _Bits()
    verdict = _Verdict(
        when=bits.mask(cubes.whens),
        alternatives=tuple(tuple(bits.mask(n) for n in a) for a in cubes.alternatives),
        never=bits.mask(cubes.never),
        impossible=bits.mask(cubes.impossible),
    )
    names = _order(cubes.whens, bits.cubes)
    rest = prod(n.bit_count() for name, n in where.live.items() if name not in {*names, TYPES})
    steps = [
        _Step(_column(where, name, bits.cubes), _settled(bits.cubes, set(names[: index + 1])))
        for index, name in enumerate(names)
    ]
    start = verdict.simplify((1 << len(bits.cubes)) - 1, _settled(bits.cubes, set()))
    states = _walk(verdict, steps, {start: 1})
    total = sum(states.values())
    broken = sum(n for state, n in states.items() if verdict.broken(state))
    return total * rest, broken * rest


def _settled(cubes: list[Cube], walked: set[str]) -> int:
    return sum(1 << bit for bit, cube in enumerate(cubes) if cube.keys() <= walked)


def _column(where: Slice, name: str, cubes: list[Cube]) -> dict[int, int]:
    """For each set of cubes that a value of this fact leaves possible, how many values do."""
    masks = [cube.get(name, -1) for cube in cubes]
    found: dict[int, int] = {}
    for part in refine(where.live[name], (mask for mask in masks if mask != -1)):
        left = sum(1 << bit for bit, mask in enumerate(masks) if mask & part)
        found[left] = found.get(left, 0) + part.bit_count()
    return found


def _order(whens: list[Cube], cubes: list[Cube]) -> list[str]:
    """The condition's own facts first, then those that settle a cube with the fewest more."""
    names = list(dict.fromkeys(name for when in whens for name in when))
    open_ = [set(cube) for cube in cubes]
    while left := [facts for cube in open_ if (facts := cube - set(names))]:
        fewest = min(len(facts) for facts in left)
        often = Counter(name for facts in left if len(facts) == fewest for name in facts)
        names.append(often.most_common(1)[0][0])
    return names


def _walk(verdict: _Verdict, steps: list[_Step], states: dict[int, int]) -> dict[int, int]:
    for index, step in enumerate(steps):
        if len(states) > MAX_STATES:
            return _split(verdict, steps[index:], states)
        after: dict[int, int] = {}
        simple: dict[int, int] = {}
        for state, n in states.items():
            for mask, values in step.column.items():
                left = state & mask
                if left not in simple:
                    simple[left] = verdict.simplify(left, step.settled)
                left = simple[left]
                after[left] = after.get(left, 0) + n * values
        states = after
    return states


def _split(verdict: _Verdict, steps: list[_Step], states: dict[int, int]) -> dict[int, int]:
    """Too many at once: one half after the other; the counts stay exact."""
    items = list(states.items())
    half = len(items) // 2
    found = _walk(verdict, steps, dict(items[:half]))
    for left, n in _walk(verdict, steps, dict(items[half:])).items():
        found[left] = found.get(left, 0) + n
    return found
