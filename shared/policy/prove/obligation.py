"""One question for the provers: wherever this may hold, do these things follow?"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from shared.policy.prove.sources import Source
from shared.policy.prove.space import TYPES, Cube, Key, Slice

# Any one of these sources is enough.
Need: TypeAlias = tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """Some alternative holds with all its needs (none given: nothing is needed), and none of
    `never` applies."""

    alternatives: tuple[tuple[Need, ...], ...] = ()
    never: Need = ()


@dataclass(frozen=True, slots=True)
class Obligation:
    promise: str
    layer: str
    whens: tuple[Source, ...]
    goal: Goal
    what: str  # what is missing where it fails, in words
    limits: tuple[tuple[str, frozenset[Key]], ...] = ()

    def within(self, where: Slice) -> Slice | None:
        if not self.limits:
            return where
        limits: Mapping[str, int] = {
            name: sum({where.bit(name, key) for key in keys}) for name, keys in self.limits
        }
        return where.narrowed(limits)


@dataclass(frozen=True, slots=True)
class Cubes:
    """An obligation as cubes of one slice."""

    whens: list[Cube]
    alternatives: list[list[list[Cube]]]
    never: list[Cube]
    impossible: list[Cube]

    def touching(self) -> "Cubes":
        """Without what cannot touch the condition: there it can neither fulfil nor break it."""

        def near(cubes: list[Cube]) -> list[Cube]:
            return [c for c in cubes if any(meet(c, when) is not None for when in self.whens)]

        return Cubes(
            self.whens,
            [[near(need) for need in alternative] for alternative in self.alternatives],
            near(self.never),
            near(self.impossible),
        )

    def of_type(self, part: int) -> "Cubes":
        """What is left of it for concern types that none of its cubes tells apart."""

        def cut(cubes: list[Cube]) -> list[Cube]:
            return [
                {name: mask for name, mask in cube.items() if name != TYPES}
                for cube in cubes
                if cube.get(TYPES, -1) & part
            ]

        return Cubes(
            cut(self.whens),
            [[cut(need) for need in alternative] for alternative in self.alternatives],
            cut(self.never),
            cut(self.impossible),
        ).touching()

    def under(self, index: int) -> "Cubes":
        """What remains to be asked inside one condition, and outside those before it."""
        when = self.whens[index]

        def rest(cubes: list[Cube]) -> list[Cube]:
            return absorb([
                {name: mask for name, mask in cube.items() if when.get(name, -1) & ~mask}
                for cube in cubes
                if meet(cube, when) is not None
            ])  # fmt: skip

        found = [[rest(need) for need in alternative] for alternative in self.alternatives]
        open_ = [[need for need in alternative if {} not in need] for alternative in found]
        never = rest(self.never)
        if not all(open_):
            open_ = []  # the condition itself brings all that one alternative needs
        return Cubes([when], open_, never, rest([*self.impossible, *self.whens[:index]]))

    def each(self) -> Iterator[Cube]:
        yield from self.whens
        for alternative in self.alternatives:
            for need in alternative:
                yield from need
        yield from self.never
        yield from self.impossible


def meet(a: Cube, b: Cube) -> Cube | None:
    """Where both hold; None: nowhere."""
    if len(a) < len(b):
        a, b = b, a
    found = dict(a)
    for name, mask in b.items():
        both = found.get(name, -1) & mask
        if not both:
            return None
        found[name] = both
    return found


def inside(a: Cube, b: Cube) -> bool:
    """Whether `a` lies wholly in `b`."""
    return all(name in a and not a[name] & ~mask for name, mask in b.items())


def all_cubes(need: Need, where: Slice) -> list[Cube]:
    found = {frozenset(c.items()): c for source in need for c in source.cubes(where)}
    return list(found.values())


def cubes_of(question: Obligation, where: Slice, impossible: Need) -> Cubes:
    return Cubes(
        absorb(all_cubes(question.whens, where)),
        [[all_cubes(need, where) for need in a] for a in question.goal.alternatives],
        all_cubes(question.goal.never, where),
        all_cubes(impossible, where),
    ).touching()


def _narrow(cube: Cube) -> tuple[int, int]:
    """Wider cubes first: none can then lie in one that comes after it."""
    return len(cube), -sum(mask.bit_count() for mask in cube.values())


def absorb(cubes: Iterable[Cube]) -> list[Cube]:
    """Without those that lie in another."""
    kept: list[Cube] = []
    for cube in sorted(cubes, key=_narrow):
        if not any(inside(cube, other) for other in kept):
            kept.append(cube)
    return kept
