"""Where a promise fails: every maximal region, found by cutting away what fulfils it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

from shared.policy.prove.obligation import Cubes, Obligation, absorb, cubes_of, inside, meet
from shared.policy.prove.sources import Source
from shared.policy.prove.space import Cube, Slice

MAX_PIECES: Final = 4_000
MERGE_UP_TO: Final = 60


class TooManyRegions(Exception):
    """A promise so badly broken that listing every region would help nobody."""


@dataclass(frozen=True, slots=True)
class Region:
    """Facts that break a promise whatever the facts not named here are."""

    where: Slice
    cube: Cube


def regions(
    question: Obligation, spaces: Iterable[Slice], impossible: tuple[Source, ...] = ()
) -> list[Region]:
    found = []
    for space in spaces:
        where = question.within(space)
        if where is not None:
            cubes = cubes_of(question, where, impossible)
            found += [Region(where, cube) for cube in _broken(where, cubes)]
    return found


def holds(
    question: Obligation, spaces: Iterable[Slice], impossible: tuple[Source, ...] = ()
) -> bool:
    """The question without the counting: whether anything is left after the cuts."""
    for space in spaces:
        where = question.within(space)
        if where is None:
            continue
        cubes = cubes_of(question, where, impossible)
        if any(_first(where, when, cubes) for when in cubes.whens):
            return False
    return True


def _broken(where: Slice, cubes: Cubes) -> list[Cube]:
    found: list[Cube] = []
    for when in cubes.whens:
        for start, avoid in _ways(when, cubes):
            found += _cut(where, [start], avoid)
        found = absorb(found)
    # What cannot arise anywhere is no region; where only a part cannot, saying so helps nobody.
    return merge(where, [cube for cube in found if _left(where, cube, cubes.impossible)])


def _first(where: Slice, when: Cube, cubes: Cubes) -> bool:
    return any(
        _left(where, start, [*avoid, *cubes.impossible]) for start, avoid in _ways(when, cubes)
    )


def _ways(when: Cube, cubes: Cubes) -> Iterable[tuple[Cube, list[Cube]]]:
    """Each way to break it: where to start, and what must not apply."""
    for never in cubes.never:
        both = meet(when, never)
        if both is not None:
            yield both, []
    if cubes.alternatives:
        for needs in product(*cubes.alternatives):
            yield when, [cube for need in needs for cube in need]


def _left(where: Slice, start: Cube, avoid: list[Cube]) -> bool:
    """Whether any of `start` escapes every cube of `avoid`, without listing what does."""
    near = [(cube, both) for cube in avoid if (both := meet(cube, start)) is not None]
    if any(inside(start, cube) for cube, _ in near):
        return False
    if not near:
        return True
    # Cut by the cube that looks at the fewest facts beyond the start: it leaves fewest pieces.
    cube, _ = min(near, key=lambda pair: len(pair[0]))
    rest = [other for other, _ in near if other is not cube]
    left = dict(start)
    for name, mask in cube.items():
        live = left.get(name, where.live[name])
        if live & ~mask:
            if _left(where, {**left, name: live & ~mask}, rest):
                return True
            left[name] = live & mask
    return False


def _cut(where: Slice, pieces: list[Cube], avoid: list[Cube]) -> list[Cube]:
    for cube in sorted(avoid, key=len):
        after: list[Cube] = []
        for piece in pieces:
            if meet(piece, cube) is None:
                after.append(piece)
                continue
            for name, mask in cube.items():
                left = piece.get(name, where.live[name]) & ~mask
                if left:
                    after.append({**piece, name: left})
        pieces = absorb(after)
        if len(pieces) > MAX_PIECES:
            raise TooManyRegions
    return pieces


def merge(where: Slice, cubes: list[Cube]) -> list[Cube]:
    """Regions that together make a larger one give way to it, until none can grow."""
    while len(cubes) <= MERGE_UP_TO:
        larger = [
            joined
            for a, b in combinations(cubes, 2)
            for joined in _joined(where, a, b)
            if not any(inside(joined, other) for other in cubes)
        ]
        if not larger:
            break
        cubes = absorb([*cubes, *larger])
    return cubes


def _joined(where: Slice, a: Cube, b: Cube) -> Iterable[Cube]:
    """The consensus of two cubes on each fact: what both hold elsewhere, and either holds there."""
    for name in a.keys() & b.keys():
        rest = meet(
            {k: v for k, v in a.items() if k != name}, {k: v for k, v in b.items() if k != name}
        )
        if rest is not None:
            both = a[name] | b[name]
            yield rest if both == where.live[name] else {**rest, name: both}
